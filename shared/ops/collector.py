"""Python's garbage collector in a process that serves: it need not walk what stays, nor what each request frees anyway."""

import gc


def spare_collector() -> None:
    """Leave what the start has made out of every collection, and collect after 50,000 new objects instead of 700.

    Almost everything that a request makes is freed by its count of references, without the collector.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)
