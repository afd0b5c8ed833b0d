"""The order book kernel, order flows, data readers, quotes and delayed views."""

from pathlib import Path

from simexec.market.kernel_cache import delete_stale_kernels

delete_stale_kernels(Path(__file__).parent)
