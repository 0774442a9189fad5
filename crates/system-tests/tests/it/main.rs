//! Stories across the real services: PostgreSQL, RabbitMQ and every process.

mod demonstration;
