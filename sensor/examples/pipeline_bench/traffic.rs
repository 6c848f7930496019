//! Many keep-alive connections to several services at once, as the ring shows them: the records of
//! the connections take turns, and each request waits a while for its response.

use schema::record::{FLAG_BURST_START, INBOUND, OUTBOUND};

use crate::messages::{Exchange, Messages, SERVICES};
use crate::ring::{self, Piece, Socket};

/// Connections open at once.
pub const CONNECTIONS: usize = 64;

/// Calls in one second of the simulated clock.
pub const CALLS_PER_SECOND: u64 = 50_000;

/// Different callers.
const CALLERS: usize = 24;

/// A record with the bytes of a message head that its payload begins with (0: none).
pub type Emit<'a> = &'a mut dyn FnMut(&[u8], usize);

/// Makes the records.
pub struct Traffic {
    messages: Messages,
    sockets: Vec<Socket>,
    /// Exchange under way on each connection, and whether its response is to come.
    exchanges: Vec<(Exchange, bool)>,
    endpoints: usize,
    /// Calls so far of each service, and of all.
    service_calls: [usize; SERVICES.len()],
    calls: u64,
    record: Vec<u8>,
}

impl Traffic {
    /// On so many endpoints; `half`: with bodies of half size.
    pub fn new(endpoints: usize, half: bool) -> Self {
        let socket = |number: usize| Socket {
            connection: 1 + number as u64,
            local: (number % SERVICES.len()) as u8,
            local_port: 8080 + (number % SERVICES.len()) as u16,
            remote: (number % CALLERS) as u8,
            remote_port: 40_000 + number as u16,
            bytes: [0; 2],
        };
        Traffic {
            messages: Messages::new(half),
            sockets: (0..CONNECTIONS).map(socket).collect(),
            exchanges: (0..CONNECTIONS).map(|_| (Exchange::default(), false)).collect(),
            endpoints,
            service_calls: [0; SERVICES.len()],
            calls: 0,
            record: Vec::new(),
        }
    }

    /// Nanoseconds of the simulated clock.
    pub fn now_ns(&self) -> u64 {
        self.calls * (1_000_000_000 / CALLS_PER_SECOND)
    }

    /// All connections begin.
    pub fn open(&mut self, emit: Emit<'_>) {
        let now_ns = self.now_ns();
        for socket in &self.sockets {
            ring::open(&mut self.record, socket, now_ns);
            emit(&self.record, 0);
        }
    }

    /// One more request, and the response of another connection.
    pub fn step(&mut self, emit: Emit<'_>) {
        let number = self.calls as usize % CONNECTIONS;
        let service = number % SERVICES.len();
        // All endpoints in turn, but not side by side: the stride is prime.
        let of_service = (self.endpoints - service).div_ceil(SERVICES.len());
        let turn = self.service_calls[service] * 7919 % of_service;
        self.service_calls[service] += 1;
        self.calls += 1;
        let now_ns = self.now_ns();
        let (exchange, waits) = &mut self.exchanges[number];
        self.messages.write(service + turn * SERVICES.len(), (number % CALLERS) as u8, exchange);
        *waits = true;
        let piece = Piece { direction: INBOUND, flags: FLAG_BURST_START, payload: &exchange.request };
        ring::data(&mut self.record, &mut self.sockets[number], &piece, now_ns);
        emit(&self.record, exchange.request_head);
        self.respond((number + CONNECTIONS / 2) % CONNECTIONS, emit);
    }

    fn respond(&mut self, number: usize, emit: Emit<'_>) {
        let now_ns = self.now_ns();
        let (exchange, waits) = &mut self.exchanges[number];
        if !std::mem::take(waits) {
            return;
        }
        // Every other server sends head and body by themselves.
        let split = if number.is_multiple_of(2) { exchange.response.len() } else { exchange.response_head };
        let (first, second) = exchange.response.split_at(split);
        let parts = [(first, FLAG_BURST_START, exchange.response_head), (second, 0, 0)];
        for (payload, flags, head) in parts.into_iter().filter(|(payload, ..)| !payload.is_empty()) {
            let piece = Piece { direction: OUTBOUND, flags, payload };
            ring::data(&mut self.record, &mut self.sockets[number], &piece, now_ns);
            emit(&self.record, head);
        }
    }

    /// The last responses come.
    pub fn settle(&mut self, emit: Emit<'_>) {
        for number in 0..CONNECTIONS {
            self.respond(number, emit);
        }
    }

    /// All connections end.
    pub fn close(&mut self, emit: Emit<'_>) {
        let now_ns = self.now_ns();
        for socket in &self.sockets {
            ring::close(&mut self.record, socket, now_ns);
            emit(&self.record, 0);
        }
    }
}
