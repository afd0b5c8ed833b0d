"""The order book kernel, order flows, data readers, quotes and delayed views."""
