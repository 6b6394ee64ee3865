//! JSON objects whose members stay in the order given: readers find the schema's name first.

use serde_json::Value;

pub fn object(members: &[(&str, Value)]) -> String {
    let members: Vec<String> = members.iter().map(|(name, value)| format!("{}:{value}", Value::from(*name))).collect();
    format!("{{{}}}", members.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn keeps_the_order_and_is_json() {
        let text = object(&[("schema", json!("s.v1")), ("ok", json!(true)), ("a \"b\"", json!([1, null]))]);
        assert_eq!(text, r#"{"schema":"s.v1","ok":true,"a \"b\"":[1,null]}"#);
        assert!(serde_json::from_str::<Value>(&text).is_ok());
    }
}
