//! A part of a request, as it is sent to the partition that it is about.

use bytes::Bytes;
use log_domain::{Append, Durability, Error, Record, Sequence};
use prost::Message;

use crate::http::wire::proto::{self, AppendRequest};

/// The request for `part`, an append without a producer, as protobuf.
///
/// # Errors
/// [`Error::Corrupt`] when the headers of a record cannot be read.
pub(in crate::http) fn encode(part: &Append, durability: Durability) -> Result<Vec<u8>, Error> {
    let records = part.batch().records().iter().map(record);
    let preconditions = part.preconditions().iter();
    let preconditions = preconditions.map(|precondition| proto::Precondition {
        key: Bytes::copy_from_slice(precondition.key.as_bytes()),
        no_record_since: precondition.no_record_since.get(),
    });
    let cursors = part.cursors().iter().map(|moved| proto::CursorMove {
        name: moved.name.to_string(),
        position: moved.position.get(),
        expected: moved.expected.map(Sequence::get),
    });
    let request = AppendRequest {
        records: records.collect::<Result<_, _>>()?,
        await_durable: durability == Durability::Durable,
        preconditions: preconditions.collect(),
        producer: None,
        cursors: cursors.collect(),
        atomic: None,
    };
    Ok(request.encode_to_vec())
}

fn record(record: &Record) -> Result<proto::Record, Error> {
    let headers = record.headers.iter().map(|header| {
        let header = header?;
        Ok(proto::Header {
            name: Some(header.name.to_owned()),
            value: Some(Bytes::copy_from_slice(header.value)),
        })
    });
    Ok(proto::Record {
        key: Some(Bytes::copy_from_slice(record.key.as_bytes())),
        value: Some(record.value.clone()),
        headers: headers.collect::<Result<_, Error>>()?,
    })
}
