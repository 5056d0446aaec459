//! Says who is to be enrolled: QR badges, a roster, requests over the local API.
