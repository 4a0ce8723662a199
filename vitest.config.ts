import { defineConfig } from "vitest/config";

/** Tests that run the built package, as a user does. */
const PACKAGE_TESTS = ["test/e2e/**/*.test.ts", "test/examples.test.ts", "test/exports.test.ts"];

export default defineConfig({
  test: {
    pool: "forks",
    maxWorkers: 2,
    testTimeout: 120_000,
    hookTimeout: 300_000,
    reporters: ["default", "./test/plain-summary-reporter.ts"],
    projects: [
      {
        extends: true,
        test: {
          name: "source",
          include: ["src/**/*.test.ts", "test/**/*.test.ts"],
          exclude: PACKAGE_TESTS,
        },
      },
      {
        extends: true,
        test: {
          name: "package",
          include: PACKAGE_TESTS,
          globalSetup: "./test/support/build-package.ts",
        },
      },
    ],
  },
});
