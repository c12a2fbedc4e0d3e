"""The page that benchmarks write themselves into: one section each, with the machine on which it was measured."""

import os
import platform
import time
from pathlib import Path


def machine() -> str:
    """Where and when this is measured."""
    info = Path("/proc/cpuinfo")
    models = [line.split(":", 1)[1].strip() for line in info.read_text().splitlines() if line.startswith("model name")]
    return (
        f"{models[0] if models else platform.machine()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, "
        f"{platform.system()} {platform.release()}, Python {platform.python_version()}, {time.strftime('%Y-%m-%d')}."
    )


def write(page: Path, section: str) -> None:
    """Replace the section of the same heading in the page, or add it at the end."""
    heading = section.partition("\n")[0]
    text = page.read_text("utf-8") if page.exists() else "# Performance\n"
    before, found, after = text.partition(heading + "\n")
    later = after.find("\n## ") if found else -1
    rest = after[later:] if later >= 0 else ""
    page.write_text(before.rstrip() + "\n\n" + section.rstrip() + "\n" + rest, "utf-8")
