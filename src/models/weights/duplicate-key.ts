/**
 * @file Finds a name that a JSON object has twice. `JSON.parse` keeps the last one in silence, other readers the first, so
 * two programs would see two different checkpoints in one file.
 */

/**
 * The first name that occurs twice in one object, at any depth; null when there is none.
 * @param json text that `JSON.parse` has accepted
 */
export function duplicateKey(json: string): string | null {
  // One set of names for every open object, null for every open list.
  const open: (Set<string> | null)[] = [];
  for (const [token, , colon] of json.matchAll(/"(?:[^"\\]|\\.)*"(\s*(:))?|[{}[\]]/g)) {
    if (token === "{") open.push(new Set());
    else if (token === "[") open.push(null);
    else if (token === "}" || token === "]") open.pop();
    else if (colon !== undefined) {
      const name = JSON.parse(token.slice(0, token.lastIndexOf('"') + 1)) as string;
      const names = open.at(-1);
      if (names?.has(name)) return name;
      names?.add(name);
    }
  }
  return null;
}
