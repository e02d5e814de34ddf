"""A small project on disk for the tests of declared files."""

from __future__ import annotations

from pathlib import Path

import pytest

from dataplatform.cli.starter import FILES

EXTRACT = """\
kind: rest
description: Users of the community site.
owner: team:community
base_url: ${COMMUNITY_API_URL}
resources:
  - name: users
    path: users
    primary_key: [id]
    page_size: 100
"""

BUCKET = """\
service: s3
schema: raw_community
description: Users, read from the raw bucket.
owner: team:community
sync_frequency: 60
after: [community]
config:
  bucket: raw
  files:
    - table_name: users
      file_pattern: community/users/.*
tables:
  users:
    primary_key: [id]
    columns:
      id: bigint
      name: string
"""

CRM = """\
service: salesforce
schema: raw_salesforce
description: The CRM.
owner: sales@example.com
config:
  password: ${CRM_PASSWORD}
tables:
  Contact:
    primary_key: [id]
    columns:
      id: string
      customer_external_id_c: string
"""

MORE = {
    "config/extracts/community.yml": EXTRACT,
    "config/connections/community.yml": BUCKET,
    "config/connections/crm.yml": CRM,
}


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a sound small project; nothing of this machine's environment reaches it."""
    for name in ("DATAPLATFORM_ENV", "DATAPLATFORM_PROJECT", "DATAPLATFORM_DEMO_SCALE"):
        monkeypatch.delenv(name, raising=False)
    for name, text in (FILES | MORE).items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return tmp_path
