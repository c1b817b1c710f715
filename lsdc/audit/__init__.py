"""The audit of a competition folder: one pass over tables and headers that lists every fault."""

from lsdc.audit.folder import Audit, audit_folder
from lsdc.audit.kinds import Finding, Kind, Severity
from lsdc.audit.text import text_of

__all__ = ["Audit", "Finding", "Kind", "Severity", "audit_folder", "text_of"]
