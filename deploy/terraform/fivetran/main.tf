# The group and the destination of one environment. Its connections are declared in
# config/connections and made by `dataplatform connections apply`, which knows tables, columns and
# drift; who would rather have them made here sets `connections` to the files to be read, and leaves
# `apply` alone. Two owners of one connection undo each other's work.
terraform {
  required_version = ">= 1.7"
  required_providers {
    fivetran = {
      source  = "fivetran/fivetran"
      version = "~> 1.9"
    }
  }
}

# FIVETRAN_APIKEY and FIVETRAN_APISECRET come from the process environment.
provider "fivetran" {}

locals {
  files       = { for name in var.connections : name => yamldecode(file("${var.folder}/${name}.yml")) }
  snowflake   = "${var.snowflake_account}.snowflakecomputing.com"
  destination = { host = local.snowflake, port = 443, auth = "KEY_PAIR", role = "LOADER" }
}

resource "fivetran_group" "this" {
  name = var.group
}

resource "fivetran_destination" "this" {
  group_id           = fivetran_group.this.id
  service            = "snowflake"
  region             = var.region
  time_zone_offset   = "0"
  run_setup_tests    = true
  trust_certificates = true
  trust_fingerprints = true
  config {
    host        = local.destination.host
    port        = local.destination.port
    database    = var.database
    auth        = local.destination.auth
    user        = var.snowflake_user
    private_key = var.snowflake_private_key
    role        = local.destination.role
  }
}

resource "fivetran_connection" "this" {
  for_each        = local.files
  group_id        = fivetran_destination.this.group_id
  service         = each.value.service
  run_setup_tests = true
  destination_schema {
    name   = try(each.value.schema, null)
    prefix = try(each.value.prefix, null)
  }

  lifecycle {
    # Credentials are entered in Fivetran, or sent by `connections apply`: no state file holds them.
    ignore_changes = [config]
  }
}

resource "fivetran_connector_schedule" "this" {
  for_each       = local.files
  connector_id   = fivetran_connection.this[each.key].id
  sync_frequency = tostring(each.value.sync_frequency)
  schedule_type  = each.value.schedule_type
  paused         = false
}
