//! Files that are gone between the look that found them and the transfer.

use ftp_testkit::{Collector, Transcript};
use serde_json::json;

use crate::monitor::{Trigger, event};

#[tokio::test]
async fn a_file_that_is_gone_before_it_is_fetched_is_told_without_its_content() {
    let look = |size: u32| format!("C: MLST f\nS: 250-facts\nS:  type=file;size={size}; f\nS: 250 end\n");
    let script = [
        "S: 220 hi\nC: USER u\nS: 331 pw\nC: PASS p\nS: 230 in\nC: TYPE I\nS: 200 ok\n".to_owned(),
        "C: FEAT\nS: 211-\nS:  MLST type*;size*;\nS: 211 end\n".to_owned(),
        look(1),
        look(2),
        "C: SIZE f\nS: 550 gone\nC: EPSV\nS: 229 (|||{port}|)\nC: RETR f\nS: 550 gone\nT: hang".to_owned(),
    ]
    .concat();
    let server = Transcript::parse(&script).start().await;
    let collector = Collector::start([200]);
    let connection = json!({
        "host": server.address().to_string(), "credentials": {"username": "u", "password": "p"}, "timeout": 5,
    });
    let input = json!({"path": "f", "interval": 1, "monitor_size": true, "monitor_time": false});
    let trigger = Trigger::start(&connection, &input, &collector.url());
    let output = event(&collector, 0).await["body"]["output"].clone();
    assert_eq!(output["changes"][0]["path"], json!("f"), "{output}");
    assert_eq!(output.get("changed"), None, "{output}");
    assert_eq!(trigger.end().await, 0);
}
