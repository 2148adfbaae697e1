//! Parameters as the document describes them.

use log_domain::cursor::MAX_NAME_BYTES;
use log_domain::selection::SELECTED_KEYS;
use log_domain::{CursorName, Visibility};
use poem::{Request, RequestBody};
use poem_openapi::registry::{MetaParamIn, MetaSchema, MetaSchemaRef};
use poem_openapi::types::Type;
use poem_openapi::{ApiExtractor, ApiExtractorType, ExtractParamOptions};

use super::schema::{unix_ms, unsigned_32, unsigned_64};
use crate::http::wire::json::ByteFormat;
use crate::http::wire::param::{Base64, CursorInPath, Param, ParamValue, Params, Text};
use crate::http::wire::positions::{Order, Positions};

/// How a parameter of this type is documented.
pub(in crate::http) trait ParamSchema {
    /// Its schema.
    fn schema() -> MetaSchemaRef;
}

impl<'a, T: ParamValue + ParamSchema> ApiExtractor<'a> for Param<T> {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::Parameter];
    const PARAM_IS_REQUIRED: bool = T::REQUIRED;

    type ParamType = T;
    type ParamRawType = ();

    fn param_in() -> Option<MetaParamIn> {
        Some(MetaParamIn::Query)
    }

    fn param_schema_ref() -> Option<MetaSchemaRef> {
        Some(T::schema())
    }

    async fn from_request(
        request: &'a Request,
        _body: &mut RequestBody,
        options: ExtractParamOptions<T>,
    ) -> poem::Result<Self> {
        let query = request.uri().query().unwrap_or_default();
        Ok(Self::from_query(
            query,
            options.name,
            options.default_value,
        )?)
    }
}

impl<'a> ApiExtractor<'a> for CursorInPath {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::Parameter];
    const PARAM_IS_REQUIRED: bool = true;

    type ParamType = String;
    type ParamRawType = ();

    fn param_in() -> Option<MetaParamIn> {
        Some(MetaParamIn::Path)
    }

    fn param_schema_ref() -> Option<MetaSchemaRef> {
        Some(<CursorName as ParamSchema>::schema())
    }

    async fn from_request(
        request: &'a Request,
        _body: &mut RequestBody,
        _options: ExtractParamOptions<String>,
    ) -> poem::Result<Self> {
        Ok(Self::parse(request.uri().path())?)
    }
}

impl<'a, T: ParamValue + ParamSchema> ApiExtractor<'a> for Params<T> {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::Parameter];
    const PARAM_IS_REQUIRED: bool = false;

    type ParamType = T;
    type ParamRawType = ();

    fn param_in() -> Option<MetaParamIn> {
        Some(MetaParamIn::Query)
    }

    fn param_schema_ref() -> Option<MetaSchemaRef> {
        Some(inline(MetaSchema {
            items: Some(Box::new(T::schema())),
            max_items: Some(SELECTED_KEYS),
            ..MetaSchema::new("array")
        }))
    }

    async fn from_request(
        request: &'a Request,
        _body: &mut RequestBody,
        options: ExtractParamOptions<T>,
    ) -> poem::Result<Self> {
        let query = request.uri().query().unwrap_or_default();
        Ok(Self::from_query(query, options.name)?)
    }
}

impl<T: ParamSchema> ParamSchema for Option<T> {
    fn schema() -> MetaSchemaRef {
        T::schema()
    }
}

macro_rules! documented {
    ($type:ty, $schema:expr) => {
        impl ParamSchema for $type {
            fn schema() -> MetaSchemaRef {
                $schema
            }
        }
    };
}

documented!(u32, inline(unsigned_32()));
documented!(u64, inline(unsigned_64()));
documented!(i64, inline(unix_ms()));
documented!(bool, bool::schema_ref());
documented!(Visibility, one_of(["memory", "durable"]));
documented!(ByteFormat, one_of(["base64", "text"]));
documented!(Order, one_of(["sequence", "none"]));
documented!(Positions, inline(positions()));
documented!(Text, String::schema_ref());
documented!(String, String::schema_ref());
documented!(CursorName, inline(cursor_name()));
// Not of the format `byte`: generators make it an array then, and put the array's name into the query.
documented!(Base64, String::schema_ref());

/// The name of a cursor. Its bytes are limited, so its characters are.
fn cursor_name() -> MetaSchema {
    MetaSchema {
        min_length: Some(1),
        max_length: Some(MAX_NAME_BYTES),
        ..MetaSchema::new("string")
    }
}

/// Positions in partitions.
fn positions() -> MetaSchema {
    MetaSchema {
        pattern: Some("^([0-9]+:[0-9]+(,[0-9]+:[0-9]+)*)?$".to_owned()),
        ..MetaSchema::new("string")
    }
}

fn one_of(values: [&str; 2]) -> MetaSchemaRef {
    inline(MetaSchema {
        enum_items: values.map(Into::into).into(),
        ..MetaSchema::new("string")
    })
}

fn inline(schema: MetaSchema) -> MetaSchemaRef {
    MetaSchemaRef::Inline(Box::new(schema))
}
