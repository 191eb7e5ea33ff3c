// Access tokens for IoT clouds: obtained, kept, renewed, stored and presented.

export { Client, type DownloadOptions, type Mqtt, type OptionSources, type SignedOptions } from "./client";
export type { OnProgress } from "./body";
export type { CallOptions } from "./calls";
export type { CarryOptions } from "./carrier";
export type { Interceptor } from "./interceptor";
export type { Fetch } from "./wrap-fetch";
export type { ClientEvents, KeyfobEventMap } from "./event-map";
export type { FetchOptions, Page } from "./http";
export { Login } from "./login";
export type { CustomOptions, Options, Provider } from "./options";
export {
  type Failure,
  type OptionInfo,
  type ProviderInfo,
  type Status,
  providers,
  version,
} from "./status";
export {
  AnswerError,
  BodyError,
  ArgumentError,
  CancelledError,
  ClosedError,
  type Code,
  CredentialsError,
  InternalError,
  KeyfobError,
  NetworkError,
  OptionError,
  OriginError,
  RateLimitError,
  ServerError,
  StoreError,
  TimeoutError,
  TlsError,
  WouldBlockError,
} from "./errors";
