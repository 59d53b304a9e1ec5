//! Who may call what, and what `/init` changes.

use serde_json::json;

use crate::support::Server;

const TOKEN: &str = "x-access-token";

#[test]
fn once_a_token_is_set_all_but_health_needs_it() {
    let server = Server::new();
    assert_eq!(server.get("/envs").0, 200);
    assert_eq!(
        server
            .post(
                "/init",
                &json!({"accessToken": "secret", "envVars": {"A": "b"}})
            )
            .0,
        204
    );

    assert_eq!(server.get("/health").0, 204);
    for path in [
        "/envs",
        "/metrics",
        "/files?path=/etc/passwd",
        "/no/such/route",
    ] {
        let (status, body) = server.get(path);
        assert_eq!(status, 401, "{path}");
        let error: serde_json::Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(error["code"], 401);
    }
    let refused = server.call("process.Process/List", &json!({}));
    assert_eq!((refused.status, refused.code()), (401, "unauthenticated"));
    let stream = server.start("true", &[]);
    assert_eq!(stream.error()["code"], "unauthenticated");
    for wrong in ["", "secre", "secret2", "SECRET"] {
        assert_eq!(
            server
                .call_with("process.Process/List", &json!({}), &[(TOKEN, wrong)])
                .code(),
            "unauthenticated"
        );
    }
    server
        .call_with("process.Process/List", &json!({}), &[(TOKEN, "secret")])
        .ok();
}

#[test]
fn init_needs_no_token_and_replaces_the_one_before() {
    let server = Server::new();
    assert_eq!(
        server.post("/init", &json!({"accessToken": "first"})).0,
        204
    );
    assert_eq!(
        server.post("/init", &json!({"accessToken": "second"})).0,
        204
    );
    // What is not told stays.
    assert_eq!(server.post("/init", &json!({})).0, 204);
    assert_eq!(
        server
            .call_with("process.Process/List", &json!({}), &[(TOKEN, "first")])
            .code(),
        "unauthenticated"
    );
    server
        .call_with("process.Process/List", &json!({}), &[(TOKEN, "second")])
        .ok();
}

#[test]
fn only_the_gateway_may_init_and_prepare_a_snapshot() {
    let server = Server::with_gateway("169.254.0.22");
    for path in ["/init", "/snapshot/prepare"] {
        assert_eq!(
            server.post(path, &json!({"accessToken": "mine"})).0,
            403,
            "{path}"
        );
    }
    assert_eq!(server.get("/envs").0, 200);
    let server = Server::new();
    assert_eq!(server.post("/snapshot/prepare", &json!({})).0, 204);
}

#[test]
fn a_bad_init_changes_nothing() {
    let server = Server::new();
    let bad = [
        json!({"accessToken": "x", "hostname": "not a name"}),
        json!({"accessToken": "x", "machineId": "short"}),
        json!({"accessToken": "x", "entropy": "???"}),
        json!({"accessToken": "x", "timestamp": "yesterday"}),
        json!({"accessToken": "x", "defaultWorkdir": "relative"}),
        json!({"accessToken": "x", "envVars": {"A=B": "c"}}),
        json!({"accessToken": 7}),
        json!([]),
    ];
    for told in bad {
        assert_eq!(server.post("/init", &told).0, 400, "{told}");
    }
    assert_eq!(server.get("/envs").0, 200);
}

#[test]
fn init_takes_all_that_is_documented_and_ignores_what_it_does_not_know() {
    let server = Server::new();
    let told = json!({
        "envVars": {"A": "b"}, "accessToken": "", "timestamp": "2026-01-02T03:04:05.678Z", "defaultUser": "root",
        "defaultWorkdir": "/", "caBundle": "-----BEGIN CERTIFICATE-----\n", "hostname": "box-1", "entropy": "AAECAw==",
        "machineId": "0123456789abcdef0123456789abcdef", "more": 1,
    });
    assert_eq!(server.post("/init", &told).0, 204);
    assert_eq!(server.get("/envs"), (200, br#"{"A":"b"}"#.to_vec()));
}

#[test]
fn the_metrics_are_numbers_of_this_machine() {
    let server = Server::new();
    let (status, body) = server.get("/metrics");
    assert_eq!(status, 200);
    let metrics: serde_json::Value = serde_json::from_slice(&body).unwrap();
    for name in [
        "ts",
        "cpu_count",
        "mem_total",
        "mem_used",
        "mem_total_mib",
        "mem_used_mib",
        "disk_used",
        "disk_total",
    ] {
        assert!(metrics[name].as_u64().unwrap() > 0, "{name}: {metrics}");
    }
    assert!(metrics["cpu_used_pct"].as_f64().unwrap() <= 100.0);
    assert!(metrics["mem_cache"].is_u64());
}

#[test]
fn what_is_not_there_is_not_found() {
    let server = Server::new();
    assert_eq!(server.get("/no/such/route").0, 404);
    assert_eq!(
        server
            .call("process.Process/NoSuchMethod", &json!({}))
            .status,
        404
    );
}
