//! A TLS client and server of Rust, in the test itself: no library that the sensor can probe, so that one
//! end of a connection is known not to be read.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context, Result, bail};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{
    ClientConfig, ClientConnection, DigitallySignedStruct, ServerConfig, ServerConnection, SignatureScheme,
    StreamOwned,
};

use crate::process::{DEADLINE, POLL};
use crate::servers::Encryption;
use crate::traffic::Stream;

/// Takes any certificate: the servers are the test's own.
#[derive(Debug)]
struct Anyone(Arc<CryptoProvider>);

impl ServerCertVerifier for Anyone {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signature, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signature, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

/// Wraps the connections of a client.
pub fn client() -> Result<impl Fn(TcpStream) -> Result<Box<dyn Stream>> + Sync> {
    let provider = Arc::new(ring::default_provider());
    let configuration = ClientConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Anyone(provider)))
        .with_no_client_auth();
    let configuration = Arc::new(configuration);
    Ok(move |stream| {
        let name = ServerName::try_from("localhost").context("a name")?;
        let connection = ClientConnection::new(configuration.clone(), name)?;
        Ok(Box::new(StreamOwned::new(connection, stream)) as Box<dyn Stream>)
    })
}

/// Serves connections of one call each with an empty object until one asks for `last`; gives the request
/// lines.
pub fn serve(listener: &TcpListener, last: &str, encryption: &Encryption) -> Result<Vec<String>> {
    let certificate = CertificateDer::from_pem_file(encryption.certificate())?;
    let key = PrivateKeyDer::from_pem_file(encryption.key())?;
    let configuration = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)?;
    let configuration = Arc::new(configuration);
    let mut lines = Vec::new();
    loop {
        let stream = accept(listener)?;
        let mut stream = StreamOwned::new(ServerConnection::new(configuration.clone())?, stream);
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            std::io::Read::read_exact(&mut stream, &mut byte).context("a request")?;
            head.push(byte[0]);
        }
        let answer = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\
                       Connection: close\r\n\r\n{}";
        std::io::Write::write_all(&mut stream, answer).context("an answer")?;
        stream.conn.send_close_notify();
        std::io::Write::flush(&mut stream).context("an answer")?;
        let line = String::from_utf8_lossy(&head).lines().next().unwrap_or_default().to_owned();
        let is_last = line.split(' ').nth(1) == Some(last);
        lines.push(line);
        if is_last {
            return Ok(lines);
        }
    }
}

/// The next connection; an error if none comes for long, so that a test which failed does not wait for ever.
fn accept(listener: &TcpListener) -> Result<TcpStream> {
    listener.set_nonblocking(true)?;
    let started = Instant::now();
    while started.elapsed() < DEADLINE {
        match listener.accept() {
            Ok((stream, _)) => {
                stream.set_nonblocking(false)?;
                stream.set_read_timeout(Some(DEADLINE))?;
                return Ok(stream);
            }
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => std::thread::sleep(POLL),
            Err(error) => return Err(error).context("accept"),
        }
    }
    bail!("no connection within {} s", DEADLINE.as_secs())
}

/// Listens inside of the namespace of the calling thread.
pub fn listen(address: SocketAddr) -> Result<TcpListener> {
    TcpListener::bind(address).with_context(|| format!("cannot listen on {address}"))
}
