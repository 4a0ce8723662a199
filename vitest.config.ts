import { defineConfig } from "vitest/config";

/** Tests that run the built package, as a user does. */
const PACKAGE_TESTS = ["test/e2e/**/*.test.ts", "test/examples.test.ts", "test/exports.test.ts"];

/** Tests on the real embedded model: gigabytes and both cores each, so one after another, after all others. */
const EMBEDDED_TESTS = ["src/**/embedded-model.test.ts"];

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
          sequence: { groupOrder: 0 },
          include: ["src/**/*.test.ts", "test/**/*.test.ts"],
          exclude: [...PACKAGE_TESTS, ...EMBEDDED_TESTS],
        },
      },
      {
        extends: true,
        test: {
          name: "package",
          sequence: { groupOrder: 0 },
          include: PACKAGE_TESTS,
          globalSetup: "./test/support/build-package.ts",
        },
      },
      {
        extends: true,
        test: {
          name: "embedded",
          include: EMBEDDED_TESTS,
          fileParallelism: false,
          testTimeout: 600_000,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
});
