package transcode

// systemParameters are those that clients of Google's APIs send of themselves
// (cloud.google.com/apis/docs/system-parameters). They tell how to present a
// response or whom to charge, so that a response without them is right. What would
// change the request, or is a credential that no URL should hold (access_token,
// $httpMethod, $req), is none of them here.
var systemParameters = map[string]bool{
	"$.xgafv": true, "$alt": true, "alt": true, "$callback": true, "callback": true, "$fields": true, "fields": true, "key": true,
	"$prettyPrint": true, "prettyPrint": true, "$quotaUser": true, "quotaUser": true, "$unique": true, "$userProject": true,
	"userIp": true, "uploadType": true, "upload_protocol": true,
}
