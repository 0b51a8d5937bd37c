package rabbitmq

// ForgetErlCall makes the server ask its node as it would where erl_call is not installed.
func (s *Server) ForgetErlCall() { s.programs.call = "" }
