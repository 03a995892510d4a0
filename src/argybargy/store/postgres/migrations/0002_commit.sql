-- Commits one batch of writes to a room, or says what is in the way, in one round trip.
-- The number in its name is that of its parameters: nodes of two versions run side by
-- side while the relays are updated.
--
-- outcome     'applied', 'conflict' or 'yield'
-- spelling    the name of the room as first spelled, of an applied commit
-- next_nonce  of a conflict: the nonce of the commit at the next version
-- missing     of a conflict: the commits after the expected version, oldest first,
--             unless some are not kept or they are large; `spellings` has a name for each
CREATE FUNCTION ab_commit_1(
    p jsonb, p_expected bigint, p_nonce text, p_delta bytea, p_ends_doubt boolean,
    OUT outcome text, OUT spelling text, OUT next_nonce text,
    OUT missing bytea[], OUT spellings text[]
) LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    r rooms%ROWTYPE;
    v_key text := p ->> 'key';
    v_node text := split_part(p_nonce, '-', 1);
    v_bytes bigint;
    v_oldest bigint;
BEGIN
    IF p_expected > 0 AND NOT p_ends_doubt THEN
        -- Whoever has to wait for its turn must not queue for the lock as well.
        PERFORM 1 FROM rooms WHERE key = v_key AND version = p_expected
            AND turn NOT IN ('', v_node) AND turn_until > clock_timestamp();
        IF FOUND THEN
            outcome := 'yield';
            RETURN;
        END IF;
    END IF;
    IF p_expected = 0 THEN
        INSERT INTO rooms (key, name, version, head, first, fence, closed_at_ms,
            closed_by, created_ms, last_ms, spoken_ms, gaps, is_deleted)
        SELECT v_key, p ->> 'name', 1, x.head, x.first, x.fence, x.closed_at_ms,
            x.closed_by, x.created_ms, x.last_ms, x.spoken_ms, x.gaps, x.is_deleted
        FROM jsonb_to_record(p) AS x(head bigint, first bigint, fence bigint,
            closed_at_ms bigint, closed_by text, created_ms bigint, last_ms bigint,
            spoken_ms bigint, gaps text, is_deleted boolean)
        ON CONFLICT (key) DO NOTHING
        RETURNING * INTO r;
    END IF;
    IF r.id IS NULL THEN
        SELECT * INTO r FROM rooms WHERE key = v_key FOR NO KEY UPDATE;
        IF r.id IS NULL THEN
            outcome := 'conflict';
            RETURN;
        END IF;
        IF r.version <> p_expected THEN
            IF r.turn = '' OR r.turn_until <= clock_timestamp() THEN
                UPDATE rooms SET turn = v_node,
                    turn_until = clock_timestamp() + interval '100 milliseconds'
                WHERE id = r.id;
            END IF;
            outcome := 'conflict';
            SELECT sum(octet_length(delta)), min(version) INTO v_bytes, v_oldest
            FROM commits WHERE room_id = r.id AND version > p_expected;
            IF v_oldest = p_expected + 1 THEN
                SELECT nonce INTO next_nonce FROM commits
                WHERE room_id = r.id AND version = v_oldest;
                IF v_bytes <= 4194304 THEN
                    SELECT array_agg(delta ORDER BY version),
                        array_agg(name ORDER BY version)
                    INTO missing, spellings
                    FROM commits WHERE room_id = r.id AND version > p_expected;
                END IF;
            END IF;
            RETURN;
        END IF;
        IF NOT p_ends_doubt AND r.turn NOT IN ('', v_node)
            AND r.turn_until > clock_timestamp()
        THEN
            outcome := 'yield';
            RETURN;
        END IF;
        -- A deleted room keeps its time of creation; one made in its place gets its own
        -- spelling and time.
        UPDATE rooms SET version = rooms.version + 1, head = x.head, first = x.first,
            fence = x.fence, closed_at_ms = x.closed_at_ms, closed_by = x.closed_by,
            last_ms = x.last_ms, spoken_ms = x.spoken_ms, gaps = x.gaps,
            name = CASE WHEN rooms.is_deleted THEN p ->> 'name' ELSE rooms.name END,
            is_deleted = x.is_deleted,
            created_ms = CASE WHEN x.is_deleted THEN rooms.created_ms
                ELSE x.created_ms END,
            turn = CASE WHEN rooms.turn = v_node THEN '' ELSE rooms.turn END
        FROM jsonb_to_record(p) AS x(head bigint, first bigint, fence bigint,
            closed_at_ms bigint, closed_by text, created_ms bigint, last_ms bigint,
            spoken_ms bigint, gaps text, is_deleted boolean)
        WHERE rooms.id = r.id
        RETURNING rooms.* INTO r;
    END IF;
    outcome := 'applied';
    spelling := r.name;
    INSERT INTO commits VALUES (r.id, r.version, p_nonce, r.name, p_delta);
    DELETE FROM commits WHERE room_id = r.id AND version <= r.version - 256;
    IF p ? 'cleared_to' THEN
        INSERT INTO revoked SELECT digest FROM codes WHERE lower(room) = v_key
        ON CONFLICT DO NOTHING;
        DELETE FROM codes WHERE lower(room) = v_key;
        DELETE FROM cursors WHERE room = v_key;
        DELETE FROM wake_hooks WHERE room_key = v_key;
        DELETE FROM invites WHERE lower(room) = v_key;
        DELETE FROM notices WHERE room = v_key;
        DELETE FROM claims WHERE room_id = r.id;
        DELETE FROM questions WHERE room_id = r.id;
        UPDATE rooms SET cleared_to = (p ->> 'cleared_to')::bigint,
            cleared_version = r.version, is_clearing = true WHERE id = r.id;
        r.cleared_to := (p ->> 'cleared_to')::bigint;
    END IF;
    IF p ? 'messages' THEN
        INSERT INTO messages (room_id, seq, at_ms, sender, kind, recipients, text,
            expects, reply_to, event, claimed_by, fence, is_settled, resolution,
            choices, choice, is_to_all, agent, words)
        SELECT r.id, x.seq, x.at_ms, x.sender, x.kind, x.recipients, x.text,
            x.expects, x.reply_to, x.event, x.claimed_by, x.fence, x.is_settled,
            x.resolution, x.choices, x.choice, x.is_to_all, x.agent,
            array_to_tsvector(ARRAY(
                SELECT s || f FROM unnest(x.scopes) s, unnest(x.forms) f
            ))
        FROM jsonb_to_recordset(p -> 'messages') AS x(seq bigint, at_ms bigint,
            sender text, kind text, recipients text[], text text, expects text,
            reply_to bigint, event text, claimed_by text, fence bigint,
            is_settled boolean, resolution text, choices text[], choice text,
            is_to_all boolean, agent text, scopes text[], forms text[])
        ORDER BY x.seq;
    END IF;
    IF p ? 'addressees' THEN
        INSERT INTO addressees
        SELECT r.id, x.peer, x.seq, x.is_own, x.reply_to
        FROM jsonb_to_recordset(p -> 'addressees')
            AS x(peer text, seq bigint, is_own boolean, reply_to bigint)
        ON CONFLICT DO NOTHING;
    END IF;
    IF p ? 'claims' THEN
        UPDATE messages SET claimed_by = x.claimed_by, fence = x.fence,
            is_settled = x.is_settled
        FROM jsonb_to_recordset(p -> 'claims')
            AS x(seq bigint, claimed_by text, fence bigint, is_settled boolean)
        WHERE room_id = r.id AND messages.seq = x.seq;
    END IF;
    IF p ? 'released' THEN
        DELETE FROM claims WHERE room_id = r.id AND seq IN
            (SELECT value::bigint FROM jsonb_array_elements_text(p -> 'released'));
    END IF;
    IF p ? 'leases' THEN
        INSERT INTO claims
        SELECT r.id, x.seq, x.holder, x.fence, x.seconds, x.expires_ms
        FROM jsonb_to_recordset(p -> 'leases') AS x(seq bigint, holder text,
            fence bigint, seconds bigint, expires_ms bigint)
        ON CONFLICT (room_id, seq) DO UPDATE SET holder = excluded.holder,
            fence = excluded.fence, seconds = excluded.seconds,
            expires_ms = excluded.expires_ms;
    END IF;
    IF p ? 'resolutions' THEN
        UPDATE messages SET resolution = x.resolution
        FROM jsonb_to_recordset(p -> 'resolutions') AS x(seq bigint, resolution text)
        WHERE room_id = r.id AND messages.seq = x.seq;
    END IF;
    IF p ? 'settled' THEN
        DELETE FROM questions WHERE room_id = r.id AND seq IN
            (SELECT value::bigint FROM jsonb_array_elements_text(p -> 'settled'));
    END IF;
    IF p ? 'questions' THEN
        INSERT INTO questions
        SELECT r.id, x.seq, x.asker, x.expects
        FROM jsonb_to_recordset(p -> 'questions')
            AS x(seq bigint, asker text, expects text)
        ON CONFLICT (room_id, seq) DO UPDATE SET asker = excluded.asker,
            expects = excluded.expects;
    END IF;
    IF p ? 'added' THEN
        PERFORM ab_add_addressee_1(r.id, x.seq, x.name, x.peer, x.scope)
        FROM jsonb_to_recordset(p -> 'added')
            AS x(seq bigint, name text, peer text, scope text);
    END IF;
    IF p ? 'forgotten' THEN
        DELETE FROM members WHERE room_id = r.id AND peer IN
            (SELECT value FROM jsonb_array_elements_text(p -> 'forgotten'));
    END IF;
    IF p ? 'members' THEN
        INSERT INTO members
        SELECT r.id, x.peer, x.name, x.kind, x.last_seq, x.last_ms
        FROM jsonb_to_recordset(p -> 'members') AS x(peer text, name text, kind text,
            last_seq bigint, last_ms bigint)
        ON CONFLICT (room_id, peer) DO UPDATE SET kind = excluded.kind,
            name = CASE WHEN members.last_seq <= r.cleared_to THEN excluded.name
                ELSE members.name END,
            last_seq = excluded.last_seq, last_ms = excluded.last_ms;
    END IF;
    IF p ? 'receipts' THEN
        INSERT INTO receipts
        SELECT r.id, x.peer, x.key, decode(x.digest, 'hex'), x.seq, x.at_ms
        FROM jsonb_to_recordset(p -> 'receipts')
            AS x(peer text, key text, digest text, seq bigint, at_ms bigint)
        ON CONFLICT (room_id, peer, key) DO UPDATE SET digest = excluded.digest,
            seq = excluded.seq, at_ms = excluded.at_ms;
    END IF;
    IF p ? 'audits' THEN
        INSERT INTO audit (at_ms, action, actor, room, detail, tally)
        SELECT x.at_ms, x.action, x.actor, x.room, x.detail, x.tally
        FROM jsonb_to_recordset(p -> 'audits') AS x(place bigint, at_ms bigint,
            action text, actor text, room text, detail text, tally text)
        ORDER BY x.place
        ON CONFLICT (tally) WHERE tally <> '' DO UPDATE SET at_ms = excluded.at_ms,
            action = excluded.action, actor = excluded.actor, room = excluded.room,
            detail = excluded.detail;
    END IF;
    IF r.first > 1 THEN
        -- The room has dropped these from its own state without a write for each.
        DELETE FROM claims WHERE room_id = r.id AND seq < r.first;
        DELETE FROM questions WHERE room_id = r.id AND seq < r.first;
    END IF;
END $$;

-- Adds an addressee to a stored message, which it finds from then on.
CREATE FUNCTION ab_add_addressee_1(
    p_room_id bigint, p_seq bigint, p_name text, p_peer text, p_scope text
) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    v_reply_to bigint;
BEGIN
    UPDATE messages SET recipients = recipients || p_name,
        words = words || array_to_tsvector(ARRAY(
            SELECT p_scope || substr(word, 3)
            FROM unnest(tsvector_to_array(words)) word WHERE starts_with(word, '*/')
        ))
    WHERE room_id = p_room_id AND seq = p_seq AND NOT is_to_all
        AND p_peer <> ALL (SELECT lower(unnest(recipients)))
    RETURNING reply_to INTO v_reply_to;
    IF FOUND THEN
        INSERT INTO addressees VALUES (p_room_id, p_peer, p_seq, false, v_reply_to)
        ON CONFLICT DO NOTHING;
    END IF;
END $$;
