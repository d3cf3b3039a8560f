"""Progress: a callable, a bar by tqdm, or nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def watcher(progress: Any, total: int | None = None) -> Iterator[Callable[[Any], Any] | None]:
    """What the compiled part calls: with a dict per step, or with a count."""
    if progress is None or progress is False:
        yield None
    elif progress is not True:
        if not callable(progress):
            raise ValueError("progress is neither True, False, None nor callable")
        yield progress
    else:
        try:
            from tqdm.auto import tqdm
        except ImportError:
            yield _lines
            return
        with tqdm(total=total, desc="kronfit", leave=False) as bar:

            def tell(news: Any) -> None:
                done = news["iteration"] if isinstance(news, dict) else news
                if isinstance(news, dict):
                    bar.set_postfix(score=f"{news['score']:.1e}", refresh=False)
                bar.update(max(0, done - bar.n))

            yield tell


def _lines(news: Any) -> None:
    """One line on standard error that is written over."""
    import sys

    text = f"{news['iteration']} iterations" if isinstance(news, dict) else f"{news} done"
    sys.stderr.write(f"\rkronfit: {text}")
    sys.stderr.flush()
