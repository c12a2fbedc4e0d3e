"""What the person who starts the house sees: each step as it goes, then whatever happens to a server.

On a terminal a step moves; in a log each of its stages is a line.
"""

import contextlib
import time
from collections.abc import Iterator

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn

WIDTH = 22


class Step:
    """One step in progress; call it with what is being done and how much of it is done."""

    def __init__(self, title: str, console: Console, progress: Progress | None) -> None:
        self.title = title
        self.result = ""
        self._console = console
        self._progress = progress
        self._task = progress.add_task(title, total=None, doing="") if progress else None
        self._said = ""

    def __call__(self, doing: str, share: float | None = None) -> None:
        """Tell that `doing` is going on; `share` of it, 0 to 1, is done."""
        if self._progress and self._task is not None:
            self._progress.update(
                self._task, doing=escape(doing), total=None if share is None else 1.0, completed=share
            )
        elif doing != self._said:
            self._console.print(f"    {escape(doing)} …", highlight=False)
        self._said = doing


class Report:
    """The console, and what is written on it."""

    def __init__(self, console: Console | None = None) -> None:
        self.console = console or Console()

    @contextlib.contextmanager
    def step(self, title: str) -> Iterator[Step]:
        """Show a step while this block runs, and one line about it afterwards: its `result`, and how long it took."""
        began = time.monotonic()
        with contextlib.ExitStack() as shown:
            progress = None
            if self.console.is_terminal:
                columns = (
                    SpinnerColumn(),
                    TextColumn(f"{{task.description:<{WIDTH}}}"),
                    TextColumn("{task.fields[doing]}"),
                )
                progress = shown.enter_context(Progress(*columns, BarColumn(20), console=self.console, transient=True))
            step = Step(title, self.console, progress)
            try:
                yield step
            except BaseException:
                shown.close()
                self._line("[red]✗[/red]", title, "", began)
                raise
        self._line("[green]✓[/green]", title, step.result, began)

    def _line(self, mark: str, title: str, result: str, began: float) -> None:
        seconds = time.monotonic() - began
        took = f"[dim]{seconds:.1f} s[/dim]" if seconds >= 0.05 else ""  # noqa: PLR2004 - less would read 0.0 s
        self.console.print(f"{mark} {title:<{WIDTH}} {escape(result)}  {took}", highlight=False, soft_wrap=True)

    def news(self, text: str) -> None:
        """Something happened by itself: a server died, came back, was stopped."""
        self.console.print(
            f"[yellow]{time.strftime('%H:%M:%S')}[/yellow] {escape(text)}", highlight=False, soft_wrap=True
        )

    def done(self, text: str) -> None:
        """Something was done, on request."""
        self.console.print(f"[dim]{escape(text)}[/dim]", highlight=False, soft_wrap=True)

    def trouble(self, text: str) -> None:
        """Why it cannot go on."""
        self.console.print(f"\n[bold red]{escape(text)}[/bold red]", highlight=False, soft_wrap=True)
