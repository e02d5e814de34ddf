output "accounts" {
  description = "Whose keys the platform and Fivetran log in with."
  value       = { for name, one in google_service_account.this : name => one.email }
}

output "buckets" {
  description = "What `lake.buckets` of an environment names."
  value       = { for layer, one in google_storage_bucket.lake : layer => one.name }
}
