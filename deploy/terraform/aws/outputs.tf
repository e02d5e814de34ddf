output "buckets" {
  description = "What `lake.buckets` of an environment names, and DAGSTER_LOGS_BUCKET."
  value       = { for layer, one in aws_s3_bucket.this : layer => one.bucket }
}
