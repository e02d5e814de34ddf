"""What the tests of the local servers share."""

from dataplatform_tests.servers import servers  # noqa: F401
