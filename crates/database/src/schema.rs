//! The tables as diesel knows them, rendered from the migrations by a test of `testkit`, never
//! written by hand; the migrations describe what it all means.

diesel::table! {
    account_balances (organisation, kind, key, month) {
        organisation -> Uuid,
        kind -> Text,
        key -> Uuid,
        month -> Date,
        gross_grams -> BigInt,
        la_mg -> BigInt,
        ce_mg -> BigInt,
        pr_mg -> BigInt,
        nd_mg -> BigInt,
        pm_mg -> BigInt,
        sm_mg -> BigInt,
        eu_mg -> BigInt,
        gd_mg -> BigInt,
        tb_mg -> BigInt,
        dy_mg -> BigInt,
        ho_mg -> BigInt,
        er_mg -> BigInt,
        tm_mg -> BigInt,
        yb_mg -> BigInt,
        lu_mg -> BigInt,
        sc_mg -> BigInt,
        y_mg -> BigInt,
    }
}

diesel::table! {
    api_keys (id) {
        id -> Uuid,
        organisation -> Uuid,
        person -> Uuid,
        name -> Text,
        key_hash -> Binary,
        scopes -> Array<Text>,
        created_at -> Timestamptz,
        expires_at -> Timestamptz,
        revoked_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    application_assessments (id) {
        id -> Uuid,
        case_id -> Uuid,
        case_version -> Integer,
        risk -> Text,
        reasons -> Jsonb,
        assessed_at -> Timestamptz,
        cause -> Uuid,
    }
}

diesel::table! {
    application_documents (id) {
        id -> Uuid,
        organisation -> Uuid,
        case_id -> Uuid,
        kind -> Text,
        name -> Text,
        version -> Integer,
        media_type -> Text,
        size_bytes -> BigInt,
        sha256 -> Binary,
        scanned -> Bool,
        uploaded_by -> Nullable<Uuid>,
        uploaded_at -> Timestamptz,
    }
}

diesel::table! {
    bulk_jobs (organisation, id) {
        organisation -> Uuid,
        id -> Uuid,
        mode -> Text,
        format -> Text,
        atomic -> Bool,
        language -> Text,
        person -> Uuid,
        received_at -> Timestamptz,
        bytes -> BigInt,
        sha256 -> Binary,
        state -> Text,
        finished_at -> Nullable<Timestamptz>,
        failure -> Nullable<Text>,
    }
}

diesel::table! {
    bulk_mappings (organisation) {
        organisation -> Uuid,
        mapping -> Jsonb,
        changed_at -> Timestamptz,
        changed_by -> Uuid,
    }
}

diesel::table! {
    bulk_verdicts (organisation, job, chunk) {
        organisation -> Uuid,
        job -> Uuid,
        chunk -> Integer,
        lines -> Array<BigInt>,
        read_bytes -> BigInt,
        accepted -> Integer,
        unchanged -> Integer,
        changed -> Integer,
        problems -> Integer,
        warnings -> Integer,
        verdicts -> Binary,
        rejected -> Nullable<Binary>,
    }
}

diesel::table! {
    case_events (case_id, version) {
        case_id -> Uuid,
        version -> Integer,
        action -> Text,
        state -> Text,
        person -> Nullable<Uuid>,
        occurred_at -> Timestamptz,
        occurred_on -> Date,
        detail -> Jsonb,
        acting_for -> Nullable<Uuid>,
    }
}

diesel::table! {
    cases (id) {
        id -> Uuid,
        number -> Text,
        organisation -> Uuid,
        version -> Integer,
        kind -> Text,
        state -> Text,
        submitted_at -> Nullable<Timestamptz>,
        accepted_on -> Nullable<Date>,
        reviewer -> Nullable<Uuid>,
        recommended_outcome -> Nullable<Text>,
        recommended_by -> Nullable<Uuid>,
        countersigned_by -> Nullable<Uuid>,
        refusal_reason -> Nullable<Text>,
        licence -> Nullable<Uuid>,
        created_by -> Uuid,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        content -> Jsonb,
        queue -> Nullable<Text>,
        routed_at -> Nullable<Timestamptz>,
        routed_assessment -> Nullable<Uuid>,
        assigned_to -> Nullable<Uuid>,
        risk -> Text,
        flags -> Array<Text>,
        blocking_flags -> SmallInt,
        open_queries -> SmallInt,
        answered_queries -> SmallInt,
        signatures_required -> SmallInt,
        signed_by -> Array<Uuid>,
        destination -> Nullable<Text>,
        control_codes -> Nullable<Array<Text>>,
        end_users -> Nullable<Array<Text>>,
    }
}

diesel::table! {
    chasing_state (one_row) {
        one_row -> Bool,
        looked_until -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    customs_declaration_lines (declaration, line) {
        declaration -> Uuid,
        line -> SmallInt,
        hs_code -> Text,
        gross_grams -> BigInt,
        net_grams -> BigInt,
        value -> Numeric,
        currency -> Text,
        licence_number -> Nullable<Text>,
    }
}

diesel::table! {
    customs_declarations (id) {
        id -> Uuid,
        number -> Text,
        version -> SmallInt,
        is_void -> Bool,
        declared_on -> Date,
        exporter -> Text,
        destination -> Text,
        content_hash -> Binary,
        office -> Uuid,
        person -> Uuid,
        recorded_at -> Timestamptz,
    }
}

diesel::table! {
    dead_letters (id) {
        id -> Uuid,
        consumer -> Text,
        message -> Uuid,
        event -> Text,
        body -> Binary,
        traceparent -> Nullable<Text>,
        error -> Nullable<Text>,
        died_at -> Timestamptz,
        replay_requested_by -> Nullable<Uuid>,
        replay_requested_at -> Nullable<Timestamptz>,
        replayed_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    delegations (id) {
        id -> Uuid,
        organisation -> Uuid,
        agent_organisation -> Uuid,
        roles -> Array<Text>,
        granted_by -> Uuid,
        valid_from -> Timestamptz,
        valid_until -> Timestamptz,
        revoked_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    determination_batches (id) {
        id -> Uuid,
        organisation -> Uuid,
        person -> Uuid,
        asked_at -> Timestamptz,
        as_of -> Date,
        regime_version -> Text,
        question -> Binary,
        signed_content -> Binary,
        signing_key -> Text,
        signature -> Binary,
    }
}

diesel::table! {
    determinations (id) {
        id -> Uuid,
        organisation -> Nullable<Uuid>,
        person -> Nullable<Uuid>,
        asked_at -> Timestamptz,
        as_of -> Date,
        regime_version -> Text,
        question -> Jsonb,
        answer -> Jsonb,
        signed_content -> Binary,
        signing_key -> Text,
        signature -> Binary,
    }
}

diesel::table! {
    epcis_captures (organisation, id) {
        organisation -> Uuid,
        id -> Uuid,
        person -> Uuid,
        error_behaviour -> Text,
        created_at -> Timestamptz,
        finished_at -> Timestamptz,
        success -> Bool,
        captured -> Integer,
        duplicates -> Integer,
        filings -> Integer,
        errors -> Jsonb,
        outcomes -> Jsonb,
    }
}

diesel::table! {
    epcis_event_keys (organisation, hash, declaration) {
        organisation -> Uuid,
        hash -> Binary,
        declaration -> Binary,
        event -> Uuid,
    }
}

diesel::table! {
    epcis_event_terms (organisation, term, event_time, event) {
        organisation -> Uuid,
        term -> BigInt,
        event_time -> Timestamptz,
        event -> Uuid,
    }
}

diesel::table! {
    epcis_events (organisation, id) {
        organisation -> Uuid,
        id -> Uuid,
        capture -> Uuid,
        event_id -> Text,
        hash -> Binary,
        declared_wrong -> Bool,
        biz_step -> Nullable<Text>,
        event_time -> Timestamptz,
        recorded_at -> Timestamptz,
        terms -> Array<BigInt>,
        body -> Binary,
    }
}

diesel::table! {
    epcis_waiting (organisation, event) {
        organisation -> Uuid,
        event -> Uuid,
        movement -> Uuid,
        person -> Uuid,
        form -> Jsonb,
        key -> Text,
        created_at -> Timestamptz,
        refused -> Nullable<Text>,
    }
}

diesel::table! {
    events (id) {
        id -> Uuid,
        name -> Text,
        organisation -> Nullable<Uuid>,
        subject -> Uuid,
        person -> Nullable<Uuid>,
        occurred_at -> Timestamptz,
        traceparent -> Nullable<Text>,
        body -> Binary,
    }
}

diesel::table! {
    filing_lines (organisation, filing, line) {
        organisation -> Uuid,
        filing -> Uuid,
        line -> SmallInt,
        role -> Text,
        lot -> Nullable<Uuid>,
        lot_number -> Nullable<Text>,
        product -> Nullable<Uuid>,
        category -> Nullable<Text>,
        hs_code -> Nullable<Text>,
        grade -> Nullable<Text>,
        quantity_grams -> BigInt,
        refused_grams -> BigInt,
        unit_price -> Nullable<Numeric>,
        currency -> Nullable<Text>,
        la_mg -> BigInt,
        ce_mg -> BigInt,
        pr_mg -> BigInt,
        nd_mg -> BigInt,
        pm_mg -> BigInt,
        sm_mg -> BigInt,
        eu_mg -> BigInt,
        gd_mg -> BigInt,
        tb_mg -> BigInt,
        dy_mg -> BigInt,
        ho_mg -> BigInt,
        er_mg -> BigInt,
        tm_mg -> BigInt,
        yb_mg -> BigInt,
        lu_mg -> BigInt,
        sc_mg -> BigInt,
        y_mg -> BigInt,
        sigma_mg -> Nullable<Array<BigInt>>,
        uncertainty_grams -> Nullable<BigInt>,
    }
}

diesel::table! {
    filing_references (organisation, reference, version) {
        organisation -> Uuid,
        reference -> Text,
        version -> SmallInt,
        filing -> Uuid,
        content_hash -> Binary,
        recorded_in -> BigInt,
    }
}

diesel::table! {
    filings (organisation, id) {
        organisation -> Uuid,
        id -> Uuid,
        site -> Uuid,
        kind -> Text,
        reference -> Text,
        version -> SmallInt,
        replaces -> Nullable<Uuid>,
        correction_reason -> Nullable<Text>,
        happened_at -> Timestamptz,
        recorded_at -> Timestamptz,
        month -> Date,
        channel -> Text,
        filed_by -> Uuid,
        process -> Nullable<Text>,
        party -> Nullable<Uuid>,
        party_organisation -> Nullable<Uuid>,
        movement -> Nullable<Uuid>,
        outcome -> Nullable<Text>,
        beyond -> Nullable<Text>,
        contract -> Nullable<Text>,
        invoice -> Nullable<Text>,
        licence_number -> Nullable<Text>,
        customs_declaration -> Nullable<Text>,
        country -> Nullable<Text>,
        nil -> Nullable<Bool>,
    }
}

diesel::table! {
    finding_dispositions (id) {
        id -> Uuid,
        finding -> Uuid,
        state -> Text,
        reason -> Text,
        person -> Uuid,
        decided_at -> Timestamptz,
    }
}

diesel::table! {
    findings (id) {
        id -> Uuid,
        detector -> Text,
        subject_key -> Text,
        detector_version -> Integer,
        subject_kind -> Text,
        subject -> Uuid,
        organisation -> Nullable<Uuid>,
        audience -> Text,
        severity -> Text,
        evidence -> Jsonb,
        sentence_zh -> Text,
        sentence_en -> Text,
        state -> Text,
        raised_at -> Timestamptz,
        caused_at -> Timestamptz,
        closed_at -> Nullable<Timestamptz>,
        closed_because -> Nullable<Text>,
    }
}

diesel::table! {
    first_receipts (organisation, movement) {
        organisation -> Uuid,
        movement -> Uuid,
        reference -> Text,
        filing -> Uuid,
    }
}

diesel::table! {
    groups (id) {
        id -> Uuid,
        name_zh -> Text,
        name_en -> Text,
    }
}

diesel::table! {
    idempotency_keys (organisation, key) {
        organisation -> Uuid,
        key -> Text,
        request_hash -> Binary,
        subject -> Uuid,
        answer -> Jsonb,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    inbox (consumer, message) {
        consumer -> Text,
        message -> Uuid,
        accepted_at -> Timestamptz,
    }
}

diesel::table! {
    invitations (id) {
        id -> Uuid,
        organisation -> Uuid,
        email -> Text,
        roles -> Array<Text>,
        token_hash -> Binary,
        invited_by -> Uuid,
        created_at -> Timestamptz,
        expires_at -> Timestamptz,
        accepted_by -> Nullable<Uuid>,
        accepted_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    key_compromises (key_id) {
        key_id -> Text,
        since -> Timestamptz,
        reason -> Text,
        declared_by -> Uuid,
        declared_at -> Timestamptz,
    }
}

diesel::table! {
    licence_arrivals (id) {
        id -> Uuid,
        organisation -> Uuid,
        licence -> Uuid,
        declaration -> Text,
        stage -> Text,
        occurred_on -> Date,
        grams -> BigInt,
        place -> Text,
        note -> Nullable<Text>,
        reported_by -> Uuid,
        reported_at -> Timestamptz,
        country -> Nullable<Text>,
    }
}

diesel::table! {
    licence_changes (case_id) {
        case_id -> Uuid,
        organisation -> Uuid,
        licence -> Uuid,
        begun_at -> Timestamptz,
        ended_at -> Nullable<Timestamptz>,
        outcome -> Nullable<Text>,
    }
}

diesel::table! {
    licence_departures (id) {
        id -> Uuid,
        organisation -> Nullable<Uuid>,
        licence -> Nullable<Uuid>,
        number -> Text,
        line -> SmallInt,
        declaration -> Text,
        declaration_line -> SmallInt,
        grams -> BigInt,
        excess_grams -> BigInt,
        departed_on -> Date,
        irregularity -> Nullable<Text>,
        declared -> Jsonb,
        recorded_by -> Uuid,
        recorded_at -> Timestamptz,
    }
}

diesel::table! {
    licence_events (id) {
        id -> Uuid,
        licence -> Uuid,
        action -> Text,
        person -> Nullable<Uuid>,
        occurred_at -> Timestamptz,
        detail -> Jsonb,
    }
}

diesel::table! {
    licence_lines (licence, line) {
        licence -> Uuid,
        line -> SmallInt,
        control_code -> Text,
        description -> Text,
        hs_code -> Nullable<Text>,
        licensed_grams -> BigInt,
        reserved_grams -> BigInt,
        confirmed_grams -> BigInt,
    }
}

diesel::table! {
    licence_reservations (id) {
        id -> Uuid,
        licence -> Uuid,
        line -> SmallInt,
        declaration -> Text,
        declaration_line -> SmallInt,
        grams -> BigInt,
        state -> Text,
        reserved_by -> Uuid,
        reserved_at -> Timestamptz,
        settled_by -> Nullable<Uuid>,
        settled_at -> Nullable<Timestamptz>,
        declared -> Nullable<Jsonb>,
        amendment -> SmallInt,
    }
}

diesel::table! {
    licences (id) {
        id -> Uuid,
        number -> Text,
        case_id -> Uuid,
        organisation -> Uuid,
        version -> Integer,
        kind -> Text,
        state -> Text,
        valid_from -> Date,
        valid_until -> Date,
        destination -> Text,
        consignee -> Text,
        end_user -> Text,
        end_use -> Text,
        shipped -> Bool,
        issued_at -> Timestamptz,
        issued_by -> Uuid,
        signed_content -> Binary,
        signing_key -> Text,
        signature -> Binary,
    }
}

diesel::table! {
    licensing_requests (organisation, key) {
        organisation -> Uuid,
        key -> Text,
        request_hash -> Binary,
        answer -> Jsonb,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    listed_parties (id) {
        id -> Uuid,
        list -> Text,
        name -> Text,
        identifier -> Nullable<Text>,
        country -> Nullable<Text>,
        valid_from -> Date,
        valid_until -> Nullable<Date>,
        announcement -> Nullable<Text>,
        source -> Text,
        verification -> Text,
    }
}

diesel::table! {
    listed_party_days (entry, change) {
        entry -> Uuid,
        change -> Text,
        told_at -> Timestamptz,
    }
}

diesel::table! {
    log_checkpoints (size) {
        size -> BigInt,
        root -> Binary,
        note -> Text,
        signed_at -> Timestamptz,
    }
}

diesel::table! {
    log_leaves (index) {
        index -> BigInt,
        event -> Uuid,
        leaf_hash -> Binary,
        organisation -> Nullable<Uuid>,
    }
}

diesel::table! {
    lot_edges (output_lot, input_lot, filing) {
        organisation -> Uuid,
        filing -> Uuid,
        input_lot -> Uuid,
        output_lot -> Uuid,
    }
}

diesel::table! {
    lot_holders (organisation, lot) {
        organisation -> Uuid,
        lot -> Uuid,
        granted_by -> Uuid,
        filing -> Uuid,
    }
}

diesel::table! {
    lots (id, filing) {
        organisation -> Uuid,
        id -> Uuid,
        filing -> Uuid,
        number -> Text,
        site -> Uuid,
        product -> Nullable<Uuid>,
        category -> Text,
        hs_code -> Nullable<Text>,
        grade -> Nullable<Text>,
        happened_at -> Timestamptz,
        quantity_grams -> BigInt,
        la_mg -> BigInt,
        ce_mg -> BigInt,
        pr_mg -> BigInt,
        nd_mg -> BigInt,
        pm_mg -> BigInt,
        sm_mg -> BigInt,
        eu_mg -> BigInt,
        gd_mg -> BigInt,
        tb_mg -> BigInt,
        dy_mg -> BigInt,
        ho_mg -> BigInt,
        er_mg -> BigInt,
        tm_mg -> BigInt,
        yb_mg -> BigInt,
        lu_mg -> BigInt,
        sc_mg -> BigInt,
        y_mg -> BigInt,
    }
}

diesel::table! {
    material_balances (organisation, site, month) {
        organisation -> Uuid,
        site -> Uuid,
        month -> Date,
        after -> Timestamptz,
        until -> Timestamptz,
        counted_from -> Nullable<Timestamptz>,
        computed_from -> BigInt,
        computed_at -> Timestamptz,
        in_mg -> Array<BigInt>,
        out_mg -> Array<BigInt>,
        closing_mg -> Array<BigInt>,
        in_doubt -> Array<Double>,
        out_doubt -> Array<Double>,
        closing_doubt -> Array<Double>,
    }
}

diesel::table! {
    memberships (person, organisation, role) {
        person -> Uuid,
        organisation -> Uuid,
        role -> Text,
        granted_by -> Nullable<Uuid>,
        granted_at -> Timestamptz,
        ended_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    message_attempts (consumer, message) {
        consumer -> Text,
        message -> Uuid,
        attempts -> Integer,
        last_error -> Text,
        last_at -> Timestamptz,
    }
}

diesel::table! {
    monthly_flows (organisation, flow, process, month, category, country, site) {
        organisation -> Uuid,
        month -> Date,
        flow -> Text,
        process -> Text,
        category -> Text,
        country -> Text,
        site -> Uuid,
        gross_grams -> BigInt,
        la_mg -> BigInt,
        ce_mg -> BigInt,
        pr_mg -> BigInt,
        nd_mg -> BigInt,
        pm_mg -> BigInt,
        sm_mg -> BigInt,
        eu_mg -> BigInt,
        gd_mg -> BigInt,
        tb_mg -> BigInt,
        dy_mg -> BigInt,
        ho_mg -> BigInt,
        er_mg -> BigInt,
        tm_mg -> BigInt,
        yb_mg -> BigInt,
        lu_mg -> BigInt,
        sc_mg -> BigInt,
        y_mg -> BigInt,
    }
}

diesel::table! {
    movement_answers (explanation) {
        organisation -> Uuid,
        explanation -> Uuid,
        movement -> Uuid,
        seller -> Uuid,
        buyer -> Uuid,
        verdict -> Text,
        reason -> Nullable<Text>,
        person -> Uuid,
        answered_at -> Timestamptz,
    }
}

diesel::table! {
    movement_explanations (id) {
        organisation -> Uuid,
        id -> Uuid,
        movement -> Uuid,
        seller -> Uuid,
        buyer -> Uuid,
        lot -> Nullable<Uuid>,
        reason -> Text,
        person -> Uuid,
        explained_at -> Timestamptz,
    }
}

diesel::table! {
    movement_lines (movement, filing, line) {
        organisation -> Uuid,
        movement -> Uuid,
        filing -> Uuid,
        line -> SmallInt,
        buyer_organisation -> Uuid,
        lot -> Uuid,
        category -> Nullable<Text>,
        hs_code -> Nullable<Text>,
        grade -> Nullable<Text>,
        quantity_grams -> BigInt,
        la_mg -> BigInt,
        ce_mg -> BigInt,
        pr_mg -> BigInt,
        nd_mg -> BigInt,
        pm_mg -> BigInt,
        sm_mg -> BigInt,
        eu_mg -> BigInt,
        gd_mg -> BigInt,
        tb_mg -> BigInt,
        dy_mg -> BigInt,
        ho_mg -> BigInt,
        er_mg -> BigInt,
        tm_mg -> BigInt,
        yb_mg -> BigInt,
        lu_mg -> BigInt,
        sc_mg -> BigInt,
        y_mg -> BigInt,
    }
}

diesel::table! {
    movements (id, filing) {
        organisation -> Uuid,
        id -> Uuid,
        filing -> Uuid,
        buyer_organisation -> Uuid,
        dispatched_at -> Timestamptz,
        reference -> Text,
        version -> SmallInt,
    }
}

diesel::table! {
    notification_deliveries (notification, person) {
        notification -> Uuid,
        person -> Uuid,
        state -> Text,
        attempts -> Integer,
        next_attempt_at -> Timestamptz,
        last_error -> Nullable<Text>,
        sent_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    notifications (id) {
        id -> Uuid,
        audience -> Text,
        organisation -> Uuid,
        subject_kind -> Text,
        subject -> Text,
        kind -> Text,
        since -> Date,
        step -> Text,
        due -> Date,
        text_zh -> Text,
        text_en -> Text,
        created_at -> Timestamptz,
        read_at -> Nullable<Timestamptz>,
        read_by -> Nullable<Uuid>,
    }
}

diesel::table! {
    number_series (series) {
        series -> Text,
        last -> BigInt,
    }
}

diesel::table! {
    officer_absences (id) {
        id -> Uuid,
        person -> Uuid,
        first_day -> Date,
        last_day -> Date,
        entered_by -> Uuid,
        entered_at -> Timestamptz,
        planned_last_day -> Nullable<Date>,
        ended_by -> Nullable<Uuid>,
        ended_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    officer_conflicts (id) {
        id -> Uuid,
        person -> Uuid,
        case_id -> Nullable<Uuid>,
        exporter -> Nullable<Uuid>,
        reason -> Text,
        declared_by -> Uuid,
        declared_at -> Timestamptz,
    }
}

diesel::table! {
    open_movements (movement) {
        movement -> Uuid,
        dispatch -> Uuid,
    }
}

diesel::table! {
    organisations (id) {
        id -> Uuid,
        kind -> Text,
        uscc -> Nullable<Text>,
        lei -> Nullable<Text>,
        registration -> Nullable<Text>,
        country -> Text,
        name_zh -> Text,
        name_en -> Text,
        stages -> Array<Text>,
        group_id -> Nullable<Uuid>,
        registered_at -> Timestamptz,
        closed_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    outbox (event) {
        event -> Uuid,
    }
}

diesel::table! {
    parties (organisation, id) {
        organisation -> Uuid,
        id -> Uuid,
        name -> Text,
        identifier -> Nullable<Text>,
        country -> Text,
        party_organisation -> Nullable<Uuid>,
    }
}

diesel::table! {
    partitioned_tables (table_name) {
        table_name -> Text,
    }
}

diesel::table! {
    people (id) {
        id -> Uuid,
        email -> Text,
        name -> Text,
        language -> Text,
        password_hash -> Nullable<Text>,
        created_at -> Timestamptz,
        disabled_at -> Nullable<Timestamptz>,
        failed_sign_ins -> Integer,
        locked_until -> Nullable<Timestamptz>,
        mails -> Text,
    }
}

diesel::table! {
    postings (organisation, filing, posting) {
        organisation -> Uuid,
        filing -> Uuid,
        posting -> SmallInt,
        line -> SmallInt,
        reversal -> Bool,
        lot -> Nullable<Uuid>,
        from_kind -> Text,
        from_key -> Uuid,
        to_kind -> Text,
        to_key -> Uuid,
        happened_at -> Timestamptz,
        month -> Date,
        gross_grams -> BigInt,
        la_mg -> BigInt,
        ce_mg -> BigInt,
        pr_mg -> BigInt,
        nd_mg -> BigInt,
        pm_mg -> BigInt,
        sm_mg -> BigInt,
        eu_mg -> BigInt,
        gd_mg -> BigInt,
        tb_mg -> BigInt,
        dy_mg -> BigInt,
        ho_mg -> BigInt,
        er_mg -> BigInt,
        tm_mg -> BigInt,
        yb_mg -> BigInt,
        lu_mg -> BigInt,
        sc_mg -> BigInt,
        y_mg -> BigInt,
    }
}

diesel::table! {
    products (organisation, id) {
        organisation -> Uuid,
        id -> Uuid,
        code -> Text,
        name_zh -> Text,
        name_en -> Text,
        category -> Text,
        form -> Nullable<Text>,
        hs_code -> Text,
        grade -> Nullable<Text>,
        composition -> Jsonb,
    }
}

diesel::table! {
    queues (code) {
        code -> Text,
        name_zh -> Text,
        name_en -> Text,
        team -> Text,
        made_by -> Uuid,
        made_at -> Timestamptz,
    }
}

diesel::table! {
    quota_flows (scope) {
        scope -> Text,
        flow -> Text,
        process -> Text,
    }
}

diesel::table! {
    quotas (id) {
        id -> Uuid,
        group_id -> Uuid,
        year -> Integer,
        scope -> Text,
        batch -> Integer,
        granted_reo_grams -> BigInt,
        source -> Text,
        verification -> Text,
    }
}

diesel::table! {
    regime_rows (version, kind, key) {
        version -> Text,
        kind -> Text,
        key -> Text,
        valid_from -> Nullable<Date>,
        valid_until -> Nullable<Date>,
        content -> Jsonb,
        source -> Text,
        verification -> Text,
    }
}

diesel::table! {
    regime_versions (version) {
        version -> Text,
        content_hash -> Binary,
        imported_at -> Timestamptz,
        imported_by -> Nullable<Uuid>,
        takes_effect_at -> Timestamptz,
    }
}

diesel::table! {
    relay_state (one_row) {
        one_row -> Bool,
        sequenced -> BigInt,
        published -> BigInt,
        frontier -> Array<Binary>,
    }
}

diesel::table! {
    reservation_amendments (reservation, amendment) {
        reservation -> Uuid,
        amendment -> SmallInt,
        organisation -> Uuid,
        grams -> BigInt,
        declared -> Nullable<Jsonb>,
        amended_by -> Uuid,
        amended_at -> Timestamptz,
    }
}

diesel::table! {
    routing_versions (version) {
        version -> Integer,
        rules -> Jsonb,
        reason -> Text,
        takes_effect_at -> Timestamptz,
        made_by -> Uuid,
        made_at -> Timestamptz,
    }
}

diesel::table! {
    screenings (message) {
        message -> Uuid,
        event -> Text,
        subject -> Uuid,
        findings -> Integer,
        screened_at -> Timestamptz,
    }
}

diesel::table! {
    sealed_channels (id) {
        id -> Uuid,
        organisation -> Uuid,
        case_id -> Uuid,
        end_user -> Text,
        language -> Text,
        link_hash -> Binary,
        key_hash -> Nullable<Binary>,
        wrapped_key -> Binary,
        wrapping_key -> Text,
        created_by -> Uuid,
        created_at -> Timestamptz,
        expires_at -> Timestamptz,
        opened_at -> Nullable<Timestamptz>,
        completed_at -> Nullable<Timestamptz>,
        released_at -> Nullable<Timestamptz>,
        revoked_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    sealed_items (id) {
        id -> Uuid,
        channel -> Uuid,
        sealed_description -> Binary,
        added_at -> Timestamptz,
    }
}

diesel::table! {
    sealed_reads (id) {
        id -> Uuid,
        channel -> Uuid,
        item -> Nullable<Uuid>,
        person -> Uuid,
        office -> Uuid,
        purpose -> Text,
        read_at -> Timestamptz,
    }
}

diesel::table! {
    sessions (id) {
        id -> Uuid,
        token_hash -> Binary,
        person -> Uuid,
        created_at -> Timestamptz,
        expires_at -> Timestamptz,
        revoked_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    signing_keys (key_id) {
        key_id -> Text,
        public_key -> Binary,
        valid_from -> Timestamptz,
        retired_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    site_months (organisation, site, month) {
        organisation -> Uuid,
        site -> Uuid,
        month -> Date,
        version -> BigInt,
    }
}

diesel::table! {
    sites (organisation, id) {
        organisation -> Uuid,
        id -> Uuid,
        code -> Text,
        name_zh -> Text,
        name_en -> Text,
        region -> Text,
        stages -> Array<Text>,
    }
}

diesel::table! {
    statistics_cells (release, category, region, element) {
        release -> Uuid,
        category -> Text,
        region -> Text,
        element -> Text,
        reo_grams -> Nullable<BigInt>,
    }
}

diesel::table! {
    statistics_contributions (release, contributor, category, region, element) {
        release -> Uuid,
        contributor -> Uuid,
        category -> Text,
        region -> Text,
        element -> Text,
        reo_grams -> BigInt,
    }
}

diesel::table! {
    statistics_releases (id) {
        id -> Uuid,
        table_name -> Text,
        month -> Date,
        revision -> Integer,
        levels -> Array<SmallInt>,
        rules_version -> Text,
        published_by -> Uuid,
        published_at -> Timestamptz,
    }
}

diesel::table! {
    tax_invoice_lines (invoice, line) {
        invoice -> Uuid,
        line -> SmallInt,
        goods -> Text,
        origin -> Text,
        element -> Nullable<Text>,
        oxide_grams -> BigInt,
        amount -> Numeric,
    }
}

diesel::table! {
    tax_invoice_movements (invoice, reference) {
        invoice -> Uuid,
        reference -> Text,
    }
}

diesel::table! {
    tax_invoices (id) {
        id -> Uuid,
        number -> Text,
        version -> SmallInt,
        is_void -> Bool,
        credits -> Nullable<Text>,
        issued_on -> Date,
        seller -> Text,
        buyer -> Text,
        currency -> Text,
        content_hash -> Binary,
        office -> Uuid,
        person -> Uuid,
        recorded_at -> Timestamptz,
    }
}

diesel::table! {
    team_members (team, person) {
        team -> Text,
        person -> Uuid,
        added_by -> Uuid,
        added_at -> Timestamptz,
    }
}

diesel::table! {
    teams (code) {
        code -> Text,
        name_zh -> Text,
        name_en -> Text,
        made_by -> Uuid,
        made_at -> Timestamptz,
    }
}

diesel::table! {
    unmaskings (id) {
        id -> Uuid,
        organisation -> Uuid,
        party -> Uuid,
        purpose -> Text,
        finding -> Nullable<Uuid>,
        case_id -> Nullable<Uuid>,
        asked_by -> Uuid,
        asked_at -> Timestamptz,
        owner_sees_from -> Date,
        delay_reason -> Nullable<Text>,
        state -> Text,
        decided_by -> Nullable<Uuid>,
        decided_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    webhook_calls (webhook, index) {
        webhook -> Uuid,
        index -> BigInt,
        organisation -> Uuid,
        event -> Uuid,
        state -> Text,
        attempts -> Integer,
        next_attempt_at -> Timestamptz,
        last_status -> Nullable<SmallInt>,
        last_error -> Nullable<Text>,
        last_attempt_at -> Nullable<Timestamptz>,
        delivered_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    webhooks (id) {
        id -> Uuid,
        organisation -> Uuid,
        url -> Text,
        kinds -> Array<Text>,
        generation -> Integer,
        earlier_secret_until -> Nullable<Timestamptz>,
        state -> Text,
        disabled_because -> Nullable<Text>,
        next_index -> BigInt,
        answered_at -> Nullable<Timestamptz>,
        created_by -> Uuid,
        created_at -> Timestamptz,
        removed_at -> Nullable<Timestamptz>,
    }
}

diesel::allow_tables_to_appear_in_same_query!(
    account_balances,
    api_keys,
    application_assessments,
    application_documents,
    bulk_jobs,
    bulk_mappings,
    bulk_verdicts,
    case_events,
    cases,
    chasing_state,
    customs_declaration_lines,
    customs_declarations,
    dead_letters,
    delegations,
    determination_batches,
    determinations,
    epcis_captures,
    epcis_event_keys,
    epcis_event_terms,
    epcis_events,
    epcis_waiting,
    events,
    filing_lines,
    filing_references,
    filings,
    finding_dispositions,
    findings,
    first_receipts,
    groups,
    idempotency_keys,
    inbox,
    invitations,
    key_compromises,
    licence_arrivals,
    licence_changes,
    licence_departures,
    licence_events,
    licence_lines,
    licence_reservations,
    licences,
    licensing_requests,
    listed_parties,
    listed_party_days,
    log_checkpoints,
    log_leaves,
    lot_edges,
    lot_holders,
    lots,
    material_balances,
    memberships,
    message_attempts,
    monthly_flows,
    movement_answers,
    movement_explanations,
    movement_lines,
    movements,
    notification_deliveries,
    notifications,
    number_series,
    officer_absences,
    officer_conflicts,
    open_movements,
    organisations,
    outbox,
    parties,
    partitioned_tables,
    people,
    postings,
    products,
    queues,
    quota_flows,
    quotas,
    regime_rows,
    regime_versions,
    relay_state,
    reservation_amendments,
    routing_versions,
    screenings,
    sealed_channels,
    sealed_items,
    sealed_reads,
    sessions,
    signing_keys,
    site_months,
    sites,
    statistics_cells,
    statistics_contributions,
    statistics_releases,
    tax_invoice_lines,
    tax_invoice_movements,
    tax_invoices,
    team_members,
    teams,
    unmaskings,
    webhook_calls,
    webhooks,
);
