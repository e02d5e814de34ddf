output "group_id" {
  description = "FIVETRAN_GROUP_ID."
  value       = fivetran_group.this.id
}
