"""De-identification: what a file says and shows of a person goes, the ultrasound stays."""

from umind.deid.deidentify import deidentify
from umind.deid.header import Pseudonyms
from umind.deid.record import Record

__all__ = ["Pseudonyms", "Record", "deidentify"]
