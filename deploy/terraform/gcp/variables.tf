variable "project" {
  description = "`warehouse.project` of the environment."
  type        = string
}

variable "region" {
  description = "Where what is regional lies."
  type        = string
  default     = "europe-west3"
}

variable "location" {
  description = "`warehouse.location` of the environment: where datasets and buckets lie."
  type        = string
  default     = "EU"
}

variable "key_location" {
  description = "Where the key lies; it must be the datasets' own location, in the name that keys have for it."
  type        = string
  default     = "europe"
}

variable "name" {
  description = "What each bucket's name begins with; bucket names are one for all of Google."
  type        = string
  default     = "company-lake"
}

variable "datasets" {
  description = "The platform's own datasets, as dataplatform/keys.py names them; raw ones come with their connections."
  type        = list(string)
  default     = ["staging", "intermediate", "snapshots", "candidate", "marts", "quarantine", "dataplatform"]
}
