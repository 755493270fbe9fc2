//! Pages over TLS at Qitai's own door.

use std::{net::TcpListener, sync::Arc};

use qitai::{
    app::App,
    config::{Config, Overrides, TlsFiles},
    kit::Random,
    serve,
    store::Folder,
    wecom,
};

#[test]
fn pages_come_over_tls_with_cookies_that_stay_there() {
    wecom::install_crypto_provider();
    let dir = tempfile::tempdir().unwrap();
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let files = TlsFiles {
        cert: dir.path().join("cert.pem"),
        key: dir.path().join("key.pem"),
    };
    std::fs::write(&files.cert, made.cert.pem()).unwrap();
    std::fs::write(&files.key, made.signing_key.serialize_pem()).unwrap();
    let data = dir.path().join("data");
    Folder::at(&data).create(&Random::system()).unwrap();
    let config = Config {
        data,
        tls: Some(files),
        ..Config::load(&Overrides::default()).unwrap()
    };
    let app = App::open(config).unwrap();
    let socket = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = socket.local_addr().unwrap().port();
    let serving = app.clone();
    let server = std::thread::spawn(move || {
        actix_web::rt::System::new()
            .block_on(serve::serve(serving, socket))
            .unwrap();
    });

    let mut roots = rustls::RootCertStore::empty();
    roots.add(made.cert.der().clone()).unwrap();
    let tls = rustls::ClientConfig::builder().with_root_certificates(Arc::new(roots));
    let http = reqwest::Client::builder()
        .tls_backend_preconfigured(tls.with_no_client_auth())
        .no_proxy()
        .build()
        .unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let address = format!("https://localhost:{port}/login");
    let page = runtime
        .block_on(async { http.get(&address).send().await })
        .unwrap();
    assert_eq!(page.status(), 200);
    let header = |name: &str| page.headers().get(name).and_then(|v| v.to_str().ok());
    assert_eq!(
        header("strict-transport-security"),
        Some("max-age=31536000")
    );
    let cookie = header("set-cookie").unwrap();
    assert!(cookie.starts_with("__Host-qitai-form="), "{cookie}");
    assert!(cookie.contains("Secure"), "{cookie}");
    // Whoever speaks without TLS at this door hears nothing of a page.
    let plain = address.replace("https://", "http://");
    let plain = runtime.block_on(async { http.get(plain).send().await });
    assert!(plain.is_err());

    app.stop();
    server.join().unwrap();
}
