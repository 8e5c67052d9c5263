// Prints the closing line 'N passed, N failed, N skipped' of a vitest JSON report; fails if nothing ran or anything failed.
import { readFileSync } from "node:fs";

const report = JSON.parse(readFileSync(process.argv[2] ?? ".cache/test-report.json", "utf8"));
// A file that cannot be loaded has no tests of its own to fail.
const broken = report.testResults.filter(
  (file) => file.status === "failed" && file.assertionResults.length === 0,
).length;
const failed = report.numFailedTests + broken;
const skipped = report.numPendingTests + report.numTodoTests;
console.log(`${report.numPassedTests} passed, ${failed} failed, ${skipped} skipped`);
if (failed > 0 || report.numPassedTests === 0) process.exitCode = 1;
