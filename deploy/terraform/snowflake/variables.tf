variable "databases" {
  description = "One for each environment, as its file in config/environments says."
  type        = list(string)
  default     = ["ANALYTICS", "ANALYTICS_STAGING"]
}

variable "schemas" {
  description = "The platform's own schemas, as dataplatform/keys.py names them; raw ones come with their connections."
  type        = list(string)
  default     = ["STAGING", "INTERMEDIATE", "SNAPSHOTS", "CANDIDATE", "MARTS", "QUARANTINE", "DATAPLATFORM"]
}

variable "warehouses" {
  description = "Compute, with what it may use in a month; config/access.yml says which role uses which."
  type = map(object({
    size                  = string
    suspend_after_seconds = number
    statement_seconds     = number
    monthly_credits       = number
    comment               = string
  }))
  default = {
    LOADING = {
      size                  = "XSMALL"
      suspend_after_seconds = 60
      statement_seconds     = 3600
      monthly_credits       = 60
      comment               = "Fivetran writes with it."
    }
    TRANSFORMING = {
      size                  = "SMALL"
      suspend_after_seconds = 60
      statement_seconds     = 7200
      monthly_credits       = 200
      comment               = "The platform builds and checks with it."
    }
    REPORTING = {
      size                  = "XSMALL"
      suspend_after_seconds = 120
      statement_seconds     = 900
      monthly_credits       = 100
      comment               = "People and dashboards read with it."
    }
  }
}

variable "roles" {
  description = "The roles that programs log in with, and their users; config/access.yml has people's."
  type = map(object({
    warehouse = string
    user      = optional(string)
    comment   = string
  }))
  default = {
    LOADER = {
      warehouse = "LOADING"
      user      = "FIVETRAN"
      comment   = "What Fivetran writes as."
    }
    TRANSFORMER = {
      warehouse = "TRANSFORMING"
      user      = "DATAPLATFORM"
      comment   = "What the platform itself runs as."
    }
  }
}

variable "public_keys" {
  description = "The public key of each user, PEM without its first and last line."
  type        = map(string)
}

variable "time_travel_days" {
  description = "How long a table's earlier rows can be read; going back beyond the platform's own versions."
  type        = number
  default     = 7
}
