-- The first schema.
--
-- Every row belongs to one tenant. Small tables begin their key with the tenant's name. The large ones (events,
-- shadows, queue) begin it with the integer key of a calendar or a replica, which belongs to exactly one tenant and
-- is never used again: that keeps their indexes a third of the size. The integer keys never leave this file.
--
-- Numbers are 64 bit and signed; times of "never" and "no end" are 9223372036854775807.
-- Wide JSON columns come last in their row, so that reading the narrow ones does not read overflow pages.

CREATE TABLE tenants (
  key INTEGER PRIMARY KEY AUTOINCREMENT,
  id TEXT NOT NULL UNIQUE,
  -- the last number given out in the tenant's change feed
  feed_sequence INTEGER NOT NULL DEFAULT 0,
  -- lease epochs of new replicas start here, so that a replica made again under an old name never repeats one
  epoch_floor INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE TABLE connections (
  tenant TEXT NOT NULL REFERENCES tenants (id),
  id TEXT NOT NULL,
  provider TEXT NOT NULL CHECK (provider IN ('google', 'microsoft')),
  settings TEXT NOT NULL,
  revoked INTEGER NOT NULL DEFAULT 0,
  not_before_ms INTEGER NOT NULL DEFAULT 0,
  attempts INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (tenant, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE calendars (
  key INTEGER PRIMARY KEY AUTOINCREMENT,
  tenant TEXT NOT NULL REFERENCES tenants (id),
  id TEXT NOT NULL,
  name TEXT NOT NULL,
  time_zone TEXT NOT NULL,
  UNIQUE (tenant, id)
) STRICT;

CREATE TABLE replicas (
  key INTEGER PRIMARY KEY AUTOINCREMENT,
  tenant TEXT NOT NULL REFERENCES tenants (id),
  id TEXT NOT NULL,
  connection TEXT NOT NULL,
  calendar_key INTEGER NOT NULL REFERENCES calendars (key),
  remote_calendar TEXT NOT NULL,
  mode TEXT NOT NULL CHECK (mode IN ('two-way', 'pull', 'push', 'busy-only')),
  policy TEXT NOT NULL CHECK (policy IN ('newest', 'remote', 'local', 'ask')),
  health TEXT NOT NULL DEFAULT 'starting' CHECK (health IN ('starting', 'healthy', 'throttled', 'paused')),
  reason TEXT NOT NULL DEFAULT '',
  synced_ms INTEGER NOT NULL DEFAULT 0,
  revision INTEGER NOT NULL DEFAULT 0,
  -- how many shadows are not gone; kept with every write of a shadow, because counting them is not cheap
  live_shadows INTEGER NOT NULL DEFAULT 0,
  state TEXT NOT NULL DEFAULT '',
  UNIQUE (tenant, id),
  FOREIGN KEY (tenant, connection) REFERENCES connections (tenant, id)
) STRICT;
CREATE INDEX replicas_calendar ON replicas (calendar_key, id);
CREATE INDEX replicas_connection ON replicas (tenant, connection);

-- The run queue: apart from `replicas`, because webhooks and leases write it often and it must stay narrow.
CREATE TABLE schedules (
  replica_key INTEGER PRIMARY KEY REFERENCES replicas (key) ON DELETE CASCADE,
  tenant_key INTEGER NOT NULL REFERENCES tenants (key),
  -- while a lease is held: when entries queued during the lease are due, "never" if there are none
  next_run_ms INTEGER NOT NULL DEFAULT 0,
  wanted INTEGER NOT NULL DEFAULT 0,
  served INTEGER NOT NULL DEFAULT 0,
  paused INTEGER NOT NULL DEFAULT 0,
  lease_epoch INTEGER NOT NULL DEFAULT 0,
  -- 0: not leased
  lease_until_ms INTEGER NOT NULL DEFAULT 0,
  lease_worker TEXT NOT NULL DEFAULT '',
  step_attempts INTEGER NOT NULL DEFAULT 0,
  due_ms INTEGER GENERATED ALWAYS AS (
    CASE WHEN paused = 1 THEN NULL WHEN lease_until_ms > 0 THEN lease_until_ms ELSE next_run_ms END
  ) VIRTUAL
) STRICT;
CREATE INDEX schedules_due ON schedules (due_ms, tenant_key);
CREATE INDEX schedules_tenant ON schedules (tenant_key, due_ms);

-- Replicas whose shadows are still being deleted, a few at a time.
CREATE TABLE removals (
  replica_key INTEGER PRIMARY KEY
) STRICT;

-- No foreign keys from here on: rows are written with the key that the same transaction has just looked up.
CREATE TABLE events (
  key INTEGER PRIMARY KEY,
  calendar_key INTEGER NOT NULL,
  uid TEXT NOT NULL,
  revision INTEGER NOT NULL,
  deleted INTEGER NOT NULL,
  start_ms INTEGER NOT NULL,
  end_ms INTEGER NOT NULL,
  -- the class of its length; see `events.rs`
  span INTEGER NOT NULL,
  recurring INTEGER NOT NULL,
  updated_ms INTEGER NOT NULL,
  document TEXT NOT NULL,
  UNIQUE (calendar_key, uid)
) STRICT;
CREATE INDEX events_window ON events (calendar_key, span, start_ms) WHERE deleted = 0;

CREATE TABLE feed (
  tenant_key INTEGER NOT NULL,
  sequence INTEGER NOT NULL,
  calendar_key INTEGER NOT NULL,
  uid TEXT NOT NULL,
  revision INTEGER NOT NULL,
  deleted INTEGER NOT NULL,
  at_ms INTEGER NOT NULL,
  PRIMARY KEY (tenant_key, sequence)
) STRICT, WITHOUT ROWID;

CREATE TABLE shadows (
  key INTEGER PRIMARY KEY,
  replica_key INTEGER NOT NULL,
  uid TEXT NOT NULL,
  remote_id TEXT NOT NULL,
  generation INTEGER NOT NULL,
  gone INTEGER NOT NULL,
  revision INTEGER NOT NULL,
  etag TEXT NOT NULL,
  notes TEXT NOT NULL,
  remote TEXT NOT NULL,
  local TEXT
) STRICT;
CREATE UNIQUE INDEX shadows_uid ON shadows (replica_key, uid);
-- a shadow whose event has no remote id yet has an empty one
CREATE UNIQUE INDEX shadows_remote ON shadows (replica_key, remote_id) WHERE remote_id <> '';
-- what a finished listing did not show; a listing adds to its end, so it costs little
CREATE INDEX shadows_generation ON shadows (replica_key, generation) WHERE gone = 0;

CREATE TABLE push_queue (
  replica_key INTEGER NOT NULL,
  uid TEXT NOT NULL,
  revision INTEGER NOT NULL,
  due_ms INTEGER NOT NULL,
  attempts INTEGER NOT NULL,
  notify_attendees INTEGER NOT NULL,
  PRIMARY KEY (replica_key, uid)
) STRICT, WITHOUT ROWID;
CREATE INDEX push_queue_due ON push_queue (replica_key, due_ms);

CREATE TABLE orphans (
  replica_key INTEGER NOT NULL,
  remote_id TEXT NOT NULL,
  master TEXT NOT NULL,
  data TEXT NOT NULL,
  PRIMARY KEY (replica_key, remote_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX orphans_master ON orphans (replica_key, master);

CREATE TABLE channels (
  key INTEGER PRIMARY KEY AUTOINCREMENT,
  id TEXT NOT NULL UNIQUE,
  replica_key INTEGER NOT NULL REFERENCES replicas (key) ON DELETE CASCADE,
  resource_id TEXT NOT NULL,
  expires_ms INTEGER NOT NULL,
  created_ms INTEGER NOT NULL,
  superseded INTEGER NOT NULL
) STRICT;
CREATE INDEX channels_replica ON channels (replica_key, created_ms);

-- Webhooks that were accepted, kept for audit. `channel_hash` is the first 8 bytes of the SHA-256 of the channel's id:
-- a narrow row that outlives the channel. Message numbers are unsigned, stored bit by bit.
CREATE TABLE deliveries (
  channel_hash INTEGER NOT NULL,
  message_number INTEGER NOT NULL,
  -- the last time
  at_ms INTEGER NOT NULL,
  -- how often the same number came
  times INTEGER NOT NULL DEFAULT 1,
  PRIMARY KEY (channel_hash, message_number)
) STRICT, WITHOUT ROWID;
CREATE INDEX deliveries_at ON deliveries (at_ms);

CREATE TABLE conflicts (
  tenant TEXT NOT NULL REFERENCES tenants (id),
  id TEXT NOT NULL,
  replica TEXT NOT NULL,
  uid TEXT NOT NULL,
  found_ms INTEGER NOT NULL,
  winner TEXT NOT NULL CHECK (winner IN ('local', 'remote', 'mixed')),
  decided_by TEXT NOT NULL,
  open INTEGER NOT NULL,
  -- a JSON array of JSON Pointers
  paths TEXT NOT NULL,
  base TEXT,
  local TEXT,
  remote TEXT,
  outcome TEXT,
  PRIMARY KEY (tenant, id)
) STRICT;
CREATE INDEX conflicts_found ON conflicts (tenant, found_ms);
CREATE INDEX conflicts_open ON conflicts (tenant, found_ms) WHERE open = 1;

CREATE TABLE failures (
  tenant TEXT NOT NULL REFERENCES tenants (id),
  id TEXT NOT NULL,
  replica TEXT NOT NULL,
  kind TEXT NOT NULL CHECK (kind IN ('push', 'item', 'step', 'guard')),
  uid TEXT,
  remote_id TEXT,
  code TEXT NOT NULL,
  detail TEXT NOT NULL,
  at_ms INTEGER NOT NULL,
  attempts INTEGER NOT NULL,
  PRIMARY KEY (tenant, id)
) STRICT;
CREATE INDEX failures_at ON failures (tenant, at_ms);
CREATE INDEX failures_replica ON failures (tenant, replica);
