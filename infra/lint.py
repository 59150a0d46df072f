"""Scans infra/ with checkov, without its network; fails when a rule is broken or a file could not be read.

Checkov skips a file that it cannot read in silence, so that what it did read is counted.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

INFRA = Path(__file__).parent


def main() -> int:
    """0 when every file was read and breaks no rule, else 1 with the findings on standard error."""
    command = [
        *(sys.executable, "-m", "checkov.main", "--directory", str(INFRA), "--framework", "bicep"),
        *("--config-file", str(INFRA / ".checkov.yaml"), "--output", "json", "--skip-download", "--soft-fail"),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - our own words
    try:
        report = json.loads(done.stdout)
    except json.JSONDecodeError:
        sys.stderr.write(f"checkov gave no report:\n{done.stdout}{done.stderr}")
        return 1
    results, summary = report["results"], report["summary"]
    for finding in results["failed_checks"]:
        sys.stderr.write(
            f"infra{finding['file_path']}: {finding['check_id']} {finding['check_name']} ({finding['resource']})\n"
        )
    for file in results["parsing_errors"]:
        sys.stderr.write(f"{file}: checkov cannot read it\n")
    if summary["failed"] or summary["parsing_errors"] or not summary["passed"]:
        return 1
    sys.stdout.write(f"infra: {summary['passed']} checks passed by {summary['resource_count']} resources\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
