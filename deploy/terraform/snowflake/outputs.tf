output "databases" {
  description = "What `warehouse.database` of an environment may name."
  value       = [for one in snowflake_database.this : one.name]
}

output "users" {
  description = "SNOWFLAKE_USER and FIVETRAN_SNOWFLAKE_USER."
  value       = { for role, one in snowflake_service_user.this : role => one.name }
}
