"""How queued runs reach a worker: one port, its adapters, one conformance suite."""
