"""The check report: a small site that opens without a server or a network.

``gather`` reads, ``build`` puts together, ``site`` writes pages, ``machine`` and ``badge`` write
what programs read. How it looks is in ``templates`` and ``assets``.
"""

from dataplatform.quality.report.gather import HISTORY_SHOWN, gather, report_folder
from dataplatform.quality.report.headline import headline
from dataplatform.quality.report.model import Report, TableReport
from dataplatform.quality.report.site import write_report

__all__ = [
    "HISTORY_SHOWN",
    "Report",
    "TableReport",
    "gather",
    "headline",
    "report_folder",
    "write_report",
]
