variable "region" {
  description = "AWS_REGION of the environments."
  type        = string
  default     = "eu-central-1"
}

variable "name" {
  description = "What each bucket's name begins with: company-lake in production, company-lake-test in staging."
  type        = string
  default     = "company-lake"
}

variable "keep_days" {
  description = "How long objects are kept, by bucket; null is for ever."
  type        = map(number)
  default = {
    raw     = 730
    staging = 30
    curated = null
    logs    = 90
  }
}

variable "old_version_days" {
  description = "How long an object that was written over or deleted can be had back."
  type        = number
  default     = 30
}
