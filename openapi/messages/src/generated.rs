//! What is generated from `openapi/log.proto`.

use crate::description::{Described, Field, FieldDescription, FieldType, MessageDescription};

include!("../generated/messages.rs");
include!("../generated/descriptions.rs");
