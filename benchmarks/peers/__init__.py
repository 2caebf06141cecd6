"""The systems compared, each behind the interface of adapter.py, and the worker that runs one."""
