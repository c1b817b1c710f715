"""Self-contained pages about runs, and several runs side by side. Only what is on disk is read."""

from lsdc.report.runs_rows import read_runs, rows_of, warnings_of
from lsdc.report.runs_text import text_of_runs
from lsdc.report.summary import write_summary

__all__ = ["read_runs", "rows_of", "text_of_runs", "warnings_of", "write_summary"]
