//! Where the servers are that tests run on.

use url::Url;

/// The PostgreSQL for tests, as a superuser.
pub fn database_url() -> Url {
    address("DATABASE_URL", "postgres://postgres@127.0.0.1:5432/postgres")
}

/// The RabbitMQ for tests.
pub fn amqp_url() -> String {
    address("AMQP_URL", "amqp://guest:guest@127.0.0.1:5672/%2f").into()
}

#[expect(clippy::disallowed_methods, reason = "tests have no `service` to be told by")]
fn address(variable: &str, example: &str) -> Url {
    let address = std::env::var(variable).unwrap_or_else(|_| {
        panic!(
            "{variable} is not set (such as {example}): run scripts/test, which starts both servers"
        )
    });
    address.parse().unwrap_or_else(|error| panic!("{variable} is no address: {error}"))
}
