//! Batches that are encoded by hand.

use bytes::Bytes;
use prost::Message;

use super::client;
use super::fake::Fake;
use crate::wire::{AppendRequest, Header, Record};
use crate::{AppendOptions, Batch, BatchBuilder, ErrorKind};

/// What the client would send for the same records, one by one.
fn decoded(batch: &Batch) -> Vec<Record> {
    AppendRequest::decode(batch.body()).unwrap().records
}

#[test]
fn a_batch_is_the_message_that_the_generated_types_encode() {
    let lengths = [0, 1, 127, 128, 16_383, 16_384];
    let mut builder = BatchBuilder::default();
    let mut expected = Vec::new();
    for key in &lengths[1..] {
        for value in lengths {
            let (key, value) = (vec![b'k'; *key], vec![0xff; value]);
            let headers = [("n", &value[..]), ("another-name", b"")];
            let headers = &headers[..expected.len() % 3];
            builder.push(&key, &value, headers).unwrap();
            expected.push(Record {
                key: Some(key.clone().into()),
                value: Some(value.clone().into()),
                headers: headers
                    .iter()
                    .map(|(name, value)| Header {
                        name: Some((*name).to_owned()),
                        value: Some(Bytes::copy_from_slice(value)),
                    })
                    .collect(),
            });
        }
    }
    let batch = builder.finish();
    assert_eq!(batch.records(), 30);
    let request = AppendRequest {
        records: expected.clone(),
        ..AppendRequest::default()
    };
    assert_eq!(batch.bytes(), request.encoded_len());
    assert_eq!(decoded(&batch), expected);
}

#[tokio::test]
async fn a_batch_is_appended_with_its_options_and_can_be_sent_again() {
    let server = Fake::start([]).await;
    let client = client(&server.url(), 1);
    let mut builder = BatchBuilder::with_capacity(100);
    builder.push(b"orders", b"a", &[]).unwrap();
    builder.push(b"orders", b"b", &[]).unwrap();
    let batch = builder.finish();
    let from_0 = |to| AppendOptions::new().move_cursor("import", to, 0);
    let appended = client.append_batch(&batch, from_0(2)).await.unwrap();
    assert_eq!((appended.start, appended.count), (Some(0), 2));
    let refused = client.append_batch(&batch, from_0(2)).await.unwrap_err();
    assert!(matches!(refused.kind(), ErrorKind::Conflict(_)));
    let nothing = BatchBuilder::default().finish();
    let refused = client.append_batch(&nothing, AppendOptions::new()).await;
    assert_eq!(*refused.unwrap_err().kind(), ErrorKind::InvalidArgument);
    let refused = BatchBuilder::default().push(b"", b"", &[]).unwrap_err();
    assert_eq!(*refused.kind(), ErrorKind::InvalidArgument);
}
