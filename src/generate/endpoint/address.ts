/** @file Where an endpoint is and how one is let in, checked once before anything is sent. */
import { ConfigError } from "../../core/errors.js";

/**
 * The base URL that paths are put after, in one spelling: `http://host:8000` and `http://host:8000/v1/` are the same.
 * @throws ConfigError when it is no HTTP URL, or carries a password or a query, where keys would end up in files
 */
export function endpointUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url === null || !/^https?:$/.test(url.protocol))
    throw new ConfigError("--endpoint: expected a URL such as http://localhost:8000/v1, got another text");
  if (url.username !== "" || url.password !== "" || url.search !== "" || url.hash !== "")
    throw new ConfigError(
      "--endpoint: expected a URL without user name, password, query or fragment, got one",
      {
        hint: "the URL is written into results; a key comes from the environment, see --api-key-env",
      },
    );
  const path = url.pathname.replace(/\/+$/, "").replace(/\/(chat\/)?completions$/, "");
  return `${url.origin}${path === "" ? "/v1" : path}`;
}

/**
 * The key in an environment variable; null where none is named.
 * @throws ConfigError when the variable is not set, or holds what cannot be sent
 */
export function apiKeyFrom(variable: string | undefined): string | null {
  if (variable === undefined) return null;
  const key = process.env[variable]?.trim() ?? "";
  if (/^[\x21-\x7e]+$/.test(key)) return key;
  throw new ConfigError(
    `--api-key-env: expected an environment variable that holds a key, got ${key === "" ? "one that is not set" : "one with white space or special characters in it"}`,
    { hint: "give the variable's name, not the key itself: --api-key-env OPENAI_API_KEY" },
  );
}
