"""The kinds of sources by Fivetran's names, and how each lands its tables.

A database lands each of its schemas as ``<prefix>_<schema>``; everything else lands in one
schema. Kinds that are not listed are taken as Fivetran would take them, unless the name is nearly
one of these. What a connection's file may say of its source is ``connection_file``'s.
"""

from __future__ import annotations

from difflib import get_close_matches

#: Kinds whose tables lie in schemas of their own, so that a connection has a prefix.
DATABASES = frozenset(
    """
    aurora aurora_postgres azure_postgres azure_sql_db azure_sql_managed_db cockroachdb db2
    db2i_hva documentdb google_cloud_mysql google_cloud_postgresql google_cloud_sqlserver
    heroku_postgres magento_mysql maria maria_azure maria_rds mongo mongo_sharded mysql
    mysql_azure mysql_rds oracle oracle_ebs oracle_hva oracle_rac oracle_rds postgres
    postgres_rds redshift_db sap_hana snowflake_db sql_server sql_server_hva sql_server_rds
    """.split()  # noqa: SIM905
)
#: Kinds that read one schema, as far as it is worth catching a slip of the pen in their names.
OTHERS = frozenset(
    """
    adjust amazon_ads amplitude anaplan apple_search_ads appsflyer asana azure_blob_storage
    azure_event_hub azure_function azure_service_bus bamboohr bigquery big_query_db bing_ads
    box braintree braze clickhouse cloud_functions cosmos dropbox dynamodb dynamics_365 email
    facebook facebook_ads facebook_pages fivetran_log freshdesk freshservice front ftp gcs
    github gitlab google_ads google_analytics_4 google_analytics_4_export
    google_cloud_function google_drive google_play google_search_console google_sheets
    greenhouse harvest hubspot instagram_business intercom iterable jira kafka kinesis klaviyo
    kustomer lambda lever linkedin_ads looker_source mailchimp marketo microsoft_lists
    mixpanel monday netsuite_suiteanalytics notion onedrive outreach pardot pendo
    pinterest_ads pipedrive qualtrics quickbooks recharge recurly s3 sage_intacct sailthru
    salesforce salesforce_marketing_cloud salesforce_sandbox sap_business_by_design segment
    sendgrid servicenow sftp share_point shopify slack snapchat_ads splunk square stripe
    surveymonkey tiktok_ads twilio twitter twitter_ads typeform uservoice webhooks workday
    xero zendesk zendesk_chat zendesk_sell zoom zuora
    """.split()  # noqa: SIM905
)
KNOWN = DATABASES | OTHERS


def is_database(service: str) -> bool:
    """Say whether a kind of source lands its schemas under a prefix."""
    return service in DATABASES


def meant(service: str) -> str | None:
    """Return the known kind that an unknown one is probably a misspelling of, or None."""
    if service in KNOWN:
        return None
    close = get_close_matches(service, sorted(KNOWN), n=1, cutoff=0.8)
    return close[0] if close else None
