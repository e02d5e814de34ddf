# The same on Google Cloud: BigQuery as the warehouse, Cloud Storage as the lake.
terraform {
  required_version = ">= 1.7"
  required_providers {
    google = {
      source  = "hashicorp/google"
      version = "~> 7.0"
    }
  }
}

provider "google" {
  project = var.project
  region  = var.region
}

locals {
  services = ["bigquery.googleapis.com", "storage.googleapis.com", "iam.googleapis.com", "cloudkms.googleapis.com"]
  accounts = {
    dataplatform = "What the platform itself runs as."
    fivetran     = "What Fivetran writes as."
  }
  # A query is paid by the project; a dataset is written by whom it belongs to.
  project_roles = merge([
    for account in keys(local.accounts) : {
      for role in ["roles/bigquery.jobUser"] : "${account}.${role}" => { account = account, role = role }
    }
  ]...)
}

resource "google_project_service" "this" {
  for_each           = toset(local.services)
  service            = each.value
  disable_on_destroy = false
}

resource "google_service_account" "this" {
  for_each     = local.accounts
  account_id   = each.key
  display_name = each.value
  depends_on   = [google_project_service.this]
}

resource "google_kms_key_ring" "this" {
  name       = "dataplatform"
  location   = var.key_location
  depends_on = [google_project_service.this]
}

resource "google_kms_crypto_key" "this" {
  name            = "warehouse"
  key_ring        = google_kms_key_ring.this.id
  rotation_period = "7776000s"

  lifecycle {
    prevent_destroy = true
  }
}

data "google_bigquery_default_service_account" "this" {}

data "google_storage_project_service_account" "this" {}

resource "google_kms_crypto_key_iam_member" "users" {
  for_each = {
    bigquery = data.google_bigquery_default_service_account.this.email
    storage  = data.google_storage_project_service_account.this.email_address
  }
  crypto_key_id = google_kms_crypto_key.this.id
  role          = "roles/cloudkms.cryptoKeyEncrypterDecrypter"
  member        = "serviceAccount:${each.value}"
}

resource "google_bigquery_dataset" "this" {
  for_each                   = toset(var.datasets)
  dataset_id                 = each.value
  location                   = var.location
  max_time_travel_hours      = 168
  delete_contents_on_destroy = false
  default_encryption_configuration {
    kms_key_name = google_kms_crypto_key.this.id
  }
  depends_on = [google_kms_crypto_key_iam_member.users]
}

resource "google_bigquery_dataset_iam_member" "platform" {
  for_each   = google_bigquery_dataset.this
  dataset_id = each.value.dataset_id
  role       = "roles/bigquery.dataOwner"
  member     = "serviceAccount:${google_service_account.this["dataplatform"].email}"
}

resource "google_project_iam_member" "jobs" {
  for_each = local.project_roles
  project  = var.project
  role     = each.value.role
  member   = "serviceAccount:${google_service_account.this[each.value.account].email}"
}

# Fivetran and the platform make a dataset for each connection; what they made is theirs.
resource "google_project_iam_custom_role" "makes_datasets" {
  role_id     = "dataplatformMakesDatasets"
  title       = "Makes datasets of the data platform"
  permissions = ["bigquery.datasets.create", "bigquery.datasets.get"]
}

resource "google_project_iam_member" "makes_datasets" {
  for_each = local.accounts
  project  = var.project
  role     = google_project_iam_custom_role.makes_datasets.name
  member   = "serviceAccount:${google_service_account.this[each.key].email}"
}

resource "google_storage_bucket" "access_logs" {
  name                        = "${var.name}-access-logs"
  location                    = var.location
  uniform_bucket_level_access = true
  public_access_prevention    = "enforced"
  versioning {
    enabled = true
  }
  lifecycle_rule {
    condition {
      age = 90
    }
    action {
      type = "Delete"
    }
  }
}

resource "google_storage_bucket" "lake" {
  for_each                    = toset(["raw", "staging", "curated"])
  name                        = "${var.name}-${each.value}"
  location                    = var.location
  uniform_bucket_level_access = true
  public_access_prevention    = "enforced"
  versioning {
    enabled = true
  }
  encryption {
    default_kms_key_name = google_kms_crypto_key.this.id
  }
  logging {
    log_bucket = google_storage_bucket.access_logs.name
  }
  lifecycle_rule {
    condition {
      days_since_noncurrent_time = 30
    }
    action {
      type = "Delete"
    }
  }
  depends_on = [google_kms_crypto_key_iam_member.users]
}

resource "google_storage_bucket_iam_member" "platform" {
  for_each = google_storage_bucket.lake
  bucket   = each.value.name
  role     = "roles/storage.objectUser"
  member   = "serviceAccount:${google_service_account.this["dataplatform"].email}"
}
