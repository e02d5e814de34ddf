# What must exist in a Snowflake account before the platform can log in. Who may read which table is
# config/access.yml's business (`dataplatform access apply`), and tables are the platform's own.
terraform {
  required_version = ">= 1.7"
  required_providers {
    snowflake = {
      source  = "snowflakedb/snowflake"
      version = "~> 2.10"
    }
  }
}

# Account, user and key come from SNOWFLAKE_ORGANIZATION_NAME, SNOWFLAKE_ACCOUNT_NAME, SNOWFLAKE_USER
# and SNOWFLAKE_PRIVATE_KEY.
provider "snowflake" {
  role          = "SYSADMIN"
  authenticator = "SNOWFLAKE_JWT"
}

# Users, roles and grants belong to SECURITYADMIN.
provider "snowflake" {
  alias         = "security"
  role          = "SECURITYADMIN"
  authenticator = "SNOWFLAKE_JWT"
}

# Resource monitors belong to ACCOUNTADMIN alone.
provider "snowflake" {
  alias         = "account"
  role          = "ACCOUNTADMIN"
  authenticator = "SNOWFLAKE_JWT"
}

locals {
  schemas = merge([
    for database in var.databases : {
      for schema in var.schemas : "${database}.${schema}" => { database = database, schema = schema }
    }
  ]...)
  # What each role may do in every database: Fivetran and the platform make schemas of their own.
  writers = merge([
    for role in ["LOADER", "TRANSFORMER"] : {
      for database in var.databases : "${role}.${database}" => { role = role, database = database }
    }
  ]...)
}

resource "snowflake_database" "this" {
  for_each                    = toset(var.databases)
  name                        = each.value
  comment                     = "Tables of the data platform."
  data_retention_time_in_days = var.time_travel_days

  lifecycle {
    prevent_destroy = true
  }
}

resource "snowflake_schema" "this" {
  for_each            = local.schemas
  database            = snowflake_database.this[each.value.database].name
  name                = each.value.schema
  with_managed_access = "true"
}

resource "snowflake_resource_monitor" "this" {
  provider                  = snowflake.account
  for_each                  = var.warehouses
  name                      = "${each.key}_MONITOR"
  credit_quota              = each.value.monthly_credits
  frequency                 = "MONTHLY"
  start_timestamp           = "IMMEDIATELY"
  notify_triggers           = [50, 80]
  suspend_trigger           = 100
  suspend_immediate_trigger = 110
}

resource "snowflake_warehouse" "this" {
  provider                            = snowflake.account
  for_each                            = var.warehouses
  name                                = each.key
  comment                             = each.value.comment
  warehouse_size                      = each.value.size
  auto_suspend                        = each.value.suspend_after_seconds
  auto_resume                         = "true"
  initially_suspended                 = true
  statement_timeout_in_seconds        = each.value.statement_seconds
  statement_queued_timeout_in_seconds = 600
  resource_monitor                    = snowflake_resource_monitor.this[each.key].name
}

resource "snowflake_account_role" "this" {
  provider = snowflake.security
  for_each = var.roles
  name     = each.key
  comment  = each.value.comment
}

# Whoever administers the account can do what the roles can.
resource "snowflake_grant_account_role" "to_sysadmin" {
  provider         = snowflake.security
  for_each         = var.roles
  role_name        = snowflake_account_role.this[each.key].name
  parent_role_name = "SYSADMIN"
}

resource "snowflake_service_user" "this" {
  provider          = snowflake.security
  for_each          = { for role, one in var.roles : role => one if one.user != null }
  name              = each.value.user
  comment           = each.value.comment
  default_role      = snowflake_account_role.this[each.key].name
  default_warehouse = snowflake_warehouse.this[each.value.warehouse].name
  rsa_public_key    = var.public_keys[each.value.user]
}

resource "snowflake_grant_account_role" "to_user" {
  provider  = snowflake.security
  for_each  = snowflake_service_user.this
  role_name = snowflake_account_role.this[each.key].name
  user_name = each.value.name
}

resource "snowflake_grant_privileges_to_account_role" "warehouse" {
  provider          = snowflake.security
  for_each          = var.roles
  account_role_name = snowflake_account_role.this[each.key].name
  privileges        = ["USAGE", "OPERATE"]
  on_account_object {
    object_type = "WAREHOUSE"
    object_name = snowflake_warehouse.this[each.value.warehouse].name
  }
}

resource "snowflake_grant_privileges_to_account_role" "database" {
  provider          = snowflake.security
  for_each          = local.writers
  account_role_name = snowflake_account_role.this[each.value.role].name
  privileges        = ["USAGE", "CREATE SCHEMA", "MONITOR"]
  on_account_object {
    object_type = "DATABASE"
    object_name = snowflake_database.this[each.value.database].name
  }
}

resource "snowflake_grant_privileges_to_account_role" "schema" {
  provider          = snowflake.security
  for_each          = local.schemas
  account_role_name = snowflake_account_role.this["TRANSFORMER"].name
  all_privileges    = true
  on_schema {
    schema_name = "\"${each.value.database}\".\"${snowflake_schema.this[each.key].name}\""
  }
}
