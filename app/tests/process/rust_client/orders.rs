use opendata_log::{AppendOptions, ErrorKind, LogClient, Result};

async fn orders(log: &LogClient) -> Result<()> {
    let durable = AppendOptions::new().await_durable(true);
    let batch = [("orders", "first"), ("orders", "second")];
    let appended = log.append_with(batch, durable).await?;
    println!("{} from {:?}", appended.count, appended.start);
    let mut records = log.scan("orders", ..);
    while let Some(record) = records.next().await {
        let record = record?;
        println!("{} {:?}", record.sequence, record.value);
    }
    println!("{}", log.count("orders", ..).await?.count);
    let mut tail = log.tail("orders", 1);
    if let Some(record) = tail.next().await {
        println!("tail: {:?}", record?.value);
    }
    match log.append([(vec![b'k'; 10_000], "")]).await {
        Err(error) if *error.kind() == ErrorKind::TooLarge => println!("{error}"),
        other => drop(other?),
    }
    Ok(())
}
