import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    pool: "forks",
    maxWorkers: 2,
    projects: [
      {
        extends: true,
        test: {
          name: "unit",
          include: ["src/**/*.test.ts", "tests/{layers,contract,evidence,reasons,compat,exporters}.test.ts"],
          testTimeout: 120_000,
          hookTimeout: 120_000,
        },
      },
      {
        extends: true,
        test: {
          // What runs the program as users do needs it built; the unit tests do not.
          name: "system",
          include: ["tests/**/*.test.ts"],
          exclude: ["tests/{layers,contract,evidence,reasons,compat,exporters}.test.ts", "tests/browser/**"],
          globalSetup: ["tests/build.setup.ts"],
          testTimeout: 120_000,
          hookTimeout: 120_000,
        },
      },
      {
        extends: true,
        test: {
          // Needs Chromium; builds the pages that it opens.
          name: "browser",
          include: ["tests/browser/**/*.test.ts"],
          testTimeout: 240_000,
          hookTimeout: 240_000,
        },
      },
    ],
  },
});
