"""Instruments, orders, reports, fills and the portfolio: data and state, no processes."""
