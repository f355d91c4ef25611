// Registrations: bindings of accounts at their registrars.
export { type BackoffTimes, backoffMs, defaultBackoff } from "./backoff.js";
export { type Binding, readBinding, refreshMs } from "./binding.js";
export type { KeepAlive } from "./kept-flow.js";
export {
  areRegistered,
  type RegistrationFailure,
  type RegistrationState,
  type RegistrationStatus,
} from "./registration.js";
export * from "./registrations.js";
