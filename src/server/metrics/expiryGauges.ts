import { explainError } from "../../errors.ts";
import type { Context } from "../context.ts";
import { certificateExpiries, metadataExpiries } from "../expiries.ts";
import type { SetGauges } from "./serverMetrics.ts";

/** Gauges of everything signed that ends, in seconds since the epoch as Prometheus has times. */
export function expiryGauges(context: Context): SetGauges {
  const { metrics, log } = context;
  const metadata = metrics.gauge(
    "nearsource_metadata_expiry_timestamp_seconds",
    "When metadata that are served from here expire.",
    ...["repository", "role"],
  );
  const certificates = metrics.gauge(
    "certificate_expiry_timestamp_seconds",
    "When the certificate of a listener ends.",
    "listener",
  );
  return async () => {
    try {
      const signed = await metadataExpiries(context);
      metadata.reset();
      for (const { area, what, expires } of signed) {
        const role = what.slice(area.length + 1);
        if (expires !== null && role !== "") metadata.set({ repository: area, role }, expires / 1_000);
      }
      const ends = await certificateExpiries(context);
      certificates.reset();
      for (const { what, expires } of ends) {
        if (expires !== null)
          certificates.set({ listener: what.replace(/^certificate of (.*)\.tls$/, "$1") }, expires / 1_000);
      }
    } catch (error) {
      log.error(`the expiries could not be read: ${explainError(error)}`);
    }
  };
}
