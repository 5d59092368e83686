// The directives of the OpenTelemetry webserver module without their prefix, by what they take.
// Source: instrumentation/otel-webserver-module/src of open-telemetry/opentelemetry-cpp-contrib.

#define FOR_EACH_FLAG(DO, PREFIX) \
    DO(PREFIX "Enabled") DO(PREFIX "OtelSslEnabled") DO(PREFIX "ResolveBackends") DO(PREFIX "TraceAsError") \
    DO(PREFIX "ReportAllInstrumentedModules") DO(PREFIX "MaskCookie") DO(PREFIX "MaskSmUser")

#define FOR_EACH_TEXT(DO, PREFIX) \
    DO(PREFIX "OtelSpanExporter") DO(PREFIX "OtelExporterEndpoint") DO(PREFIX "OtelExporterOtlpHeaders") \
    DO(PREFIX "OtelExporterHeaders") DO(PREFIX "OtelSslCertificatePath") DO(PREFIX "OtelSpanProcessor") \
    DO(PREFIX "OtelSampler") DO(PREFIX "OtelMaxQueueSize") DO(PREFIX "OtelScheduledDelayMillis") \
    DO(PREFIX "OtelExportTimeoutMillis") DO(PREFIX "OtelMaxExportBatchSize") DO(PREFIX "ServiceName") \
    DO(PREFIX "ServiceNamespace") DO(PREFIX "ServiceInstanceId") DO(PREFIX "CookieMatchPattern") \
    DO(PREFIX "Delimiter") DO(PREFIX "Segment") DO(PREFIX "Matchfilter") DO(PREFIX "Matchpattern") \
    DO(PREFIX "SegmentType") DO(PREFIX "SegmentParameter") DO(PREFIX "RequestHeaders") DO(PREFIX "ResponseHeaders")

#define FOR_EACH_TRIPLE(DO, PREFIX) DO(PREFIX "WebserverContext")
