variable "group" {
  description = "The name of the environment's group; its id is FIVETRAN_GROUP_ID."
  type        = string
}

variable "region" {
  description = "Where Fivetran processes the rows."
  type        = string
  default     = "AWS_EU_CENTRAL_1"
}

variable "database" {
  description = "`warehouse.database` of the environment."
  type        = string
}

variable "snowflake_account" {
  description = "SNOWFLAKE_ACCOUNT."
  type        = string
}

variable "snowflake_user" {
  description = "FIVETRAN_SNOWFLAKE_USER."
  type        = string
  default     = "FIVETRAN"
}

variable "snowflake_private_key" {
  description = "FIVETRAN_SNOWFLAKE_PRIVATE_KEY; the state of this module holds it, so keep that where secrets are kept."
  type        = string
  sensitive   = true
}

variable "connections" {
  description = "Names of files in config/connections to make here; none, where `dataplatform connections apply` makes them."
  type        = list(string)
  default     = []
}

variable "folder" {
  description = "Where these files lie."
  type        = string
  default     = "../../../config/connections"
}
